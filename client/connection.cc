#include "client/connection.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include "client/network.h"
#include "proto/posix/process.h"
#include "schema/limits/limits.h"

namespace dync::client {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kNeverConnected{60};  // then a new socket is tried
constexpr seconds kAfterHandshake{1};   // a broken one
constexpr milliseconds kReconnect{200};
constexpr seconds kReconnectMost{5};

std::string random_routing_id() {
  std::array<std::byte, wire::Id::kBytes> random{};
  posix::random_bytes(random);
  const wire::Id id = wire::Id::uuid4(random);
  std::string text;
  for (const std::byte byte : id.bytes()) text += static_cast<char>(byte);
  if (text[0] == '\0') text[0] = '\1';  // libzmq keeps ids that begin with 0 for itself
  return text;
}

std::string endpoint_of(const ServerAddress& server) {
  const bool brackets = server.host.find(':') != std::string::npos;
  const std::string host = brackets ? "[" + server.host + "]" : server.host;
  return "tcp://" + host + ":" + std::to_string(server.port);
}

}  // namespace

Connection::Connection(transport::Context& context, ServerAddress server, ClientKeys keys,
                       std::vector<bool> families, milliseconds first, Time now)
    : context_(context),
      server_(std::move(server)),
      keys_(std::move(keys)),
      families_(std::move(families)),
      patience_(first),
      first_(first, now),
      open_again_(now) {
  open(true, now);
}

void Connection::open(bool fresh_id, Time now) {
  if (fresh_id) routing_id_ = random_routing_id();
  connect(now);
}

void Connection::connect(Time now) {
  transport::Options options;
  options.routing_id = routing_id_;
  options.curve_client = keys_.curve;
  options.immediate = true;
  options.send_hwm = 0;  // bounded by the source's buffers
  options.receive_hwm = 1000;
  options.linger = limits::kLinger;
  options.heartbeat_interval = limits::kClientHeartbeat;
  options.heartbeat_timeout = limits::kClientHeartbeatTimeout;
  options.handshake_interval = limits::kHandshake;
  options.reconnect_interval = kReconnect;
  options.reconnect_interval_max = kReconnectMost;
  options.max_message = static_cast<std::int64_t>(limits::kMiB);
  options.keepalive = true;
  options.ipv6 = families_.front();
  socket_.reset();
  socket_.emplace(context_, transport::Type::dealer, options);
  socket_->watch();
  socket_->connect(endpoint_of(server_));
  ready_ = false;
  open_again_ = now + kNeverConnected;
}

std::optional<Connection::Event> Connection::take(transport::ConnectionEvent::Kind kind, Time now) {
  using Kind = transport::ConnectionEvent::Kind;
  first_.event(kind);
  if (kind == Kind::ready) {
    ready_ = true;
    return Event::ready;
  }
  if (kind == Kind::handshake_failed) open_again_ = std::min(open_again_, now + kAfterHandshake);
  if (kind == Kind::connected || kind == Kind::retrying || !ready_) return std::nullopt;
  ready_ = false;
  open_again_ = now + kNeverConnected;
  return Event::lost;
}

void Connection::judge(Time now) {
  const auto fault = first_.fault(now);
  if (!fault || failed_) return;
  if (*fault == ConnectFault::unreachable && families_.size() > 1) {
    families_.erase(families_.begin());
    first_ = FirstConnect(patience_, now);
    return connect(now);
  }
  const bool ask = *fault == ConnectFault::unreachable;
  failed_ = fault_sentence(*fault, server_, keys_, ask ? why_unreachable(server_, families_.front()) : "");
}

std::optional<Connection::Event> Connection::next_event(Time now) {
  while (const auto event = socket_->next_event()) {
    if (const auto told = take(event->kind, now)) return told;
  }
  judge(now);
  if (!ready_ && !failed_ && now >= open_again_) connect(now);
  return std::nullopt;
}

Time Connection::deadline() const {
  if (ready_) return Time::max();
  return first_.done() ? open_again_ : std::min(open_again_, first_.deadline());
}

}  // namespace dync::client
