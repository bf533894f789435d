#include "receiver/front.h"

#include <utility>

#include "proto/keys/authenticator.h"
#include "schema/limits/limits.h"

namespace dync::receiver {
namespace {

// Handover: a client that lost its link comes back by the same routing id, or it is ignored for ever. The
// heartbeat's TTL closes what a black hole left behind.
transport::Options front_options(const std::string& secret_key, std::uint64_t largest) {
  transport::Options options;
  options.curve_server = transport::CurveServer{secret_key, "dync"};
  options.mandatory = true;
  options.handover = true;
  options.send_hwm = limits::kServerSendHwm;
  options.receive_hwm = limits::kServerReceiveHwm;
  options.max_message = static_cast<std::int64_t>(largest + limits::kFrameOverhead);
  options.linger = limits::kLinger;
  options.heartbeat_interval = limits::kServerHeartbeat;
  options.heartbeat_ttl = limits::kServerHeartbeatTtl;
  options.heartbeat_timeout = limits::kServerHeartbeatTimeout;
  options.handshake_interval = limits::kHandshake;
  options.backlog = limits::kBacklog;
  options.keepalive = true;
  return options;
}

}  // namespace

Front::Front(transport::Context& context, service::Worker& worker, const std::string& secret_key,
             std::uint64_t largest)
    : worker_(worker), socket_(context, transport::Type::router, front_options(secret_key, largest)) {}

std::string Front::bind(const std::string& endpoint, std::function<void(const Incoming&)> handler) {
  handler_ = std::move(handler);
  std::string bound = socket_.bind(endpoint);
  worker_.loop().on_socket(socket_.handle(), [this] { receive(); });
  return bound;
}

void Front::receive() {
  transport::Message message;
  for (int i = 0; i < limits::kMessagesATurn && socket_.receive(message); ++i) hand_on(message);
}

// The user stands on the command frame: libzmq 4.3.4 loses it on the routing id's. Without one the message
// did not come through ZAP and is nobody's.
void Front::hand_on(transport::Message& message) {
  if (message.size() < 2) return;
  const auto user = message[1].property(keys::Authenticator::kUserProperty);
  const auto key = message[1].property(keys::Authenticator::kKeyProperty);
  if (!user || !key) {
    worker_.log().warning("client.unauthenticated", {{"frames", message.size()}});
    return;
  }
  handler_(
      {std::string(message[0].text()), std::string(*user), std::string(*key), std::span(message).subspan(1)});
}

transport::Sent Front::send(const std::string& routing_id, const wire::ServerMessage& message) {
  transport::Message frames;
  frames.emplace_back(std::string_view(routing_id));
  for (const std::string& frame : wire::encode(message).frames) frames.emplace_back(std::string_view(frame));
  return socket_.send(frames);
}

}  // namespace dync::receiver
