#include "tests/unit/session_pair/network.h"

#include <algorithm>
#include <utility>

namespace dync::pair {

using namespace std::chrono_literals;

namespace {

// After so long without an answer to a heartbeat a side takes the connection for dead.
constexpr milliseconds kServerHears = 20s;
constexpr milliseconds kClientHears = 35s;
constexpr milliseconds kReconnect = 200ms;

// TCP itself repeats nothing. What a server may well say twice is the answer to a post-file or to the end of
// an upload of ours, and a report to an original, which does not count its questions.
bool may_be_repeated(const wire::ServerMessage& message, bool to_original) {
  if (std::holds_alternative<wire::StatusReport>(message)) return to_original;
  return !to_original && !std::holds_alternative<wire::TransferCredit>(message);
}

}  // namespace

Link::Link(Network& network, Ear& ear, std::string user, Manner manner)
    : network_(network), ear_(ear), user_(std::move(user)), manner_(manner) {
  network_.links_.push_back(this);
}

void Link::open(bool fresh_id) {
  close(fresh_id);
  if (fresh_id || routing_id_.empty()) routing_id_ = network_.new_routing_id();
  open_ = true;
  connect(manner_.latency);
}

// What it had sent may still come in part; what was sent to it is nobody's.
void Link::close(bool fresh_id) {
  if (!open_) return;
  sever(network_.server_alive_, fresh_id);
  to_client_.clear();
  kept_.clear();
  open_ = hole_ = false;
  ++socket_;
}

void Link::connect(milliseconds delay) {
  network_.events_.in(delay, [this, socket = socket_] {
    if (socket == socket_ && open_ && !up_ && !gone_ && !hole_ && network_.server_alive_) establish();
  });
}

void Link::establish() {
  up_ = client_sees_ = server_sees_ = true;
  network_.by_id_[routing_id_] = this;
  network_.checks_.note(routing_id_, "connected, " + user_);
  for (const auto& message : std::exchange(kept_, {})) put(message, network_.events_.now());
  ear_.connected();
}

// The connection breaks: of what is under way a first part still arrives, the rest is lost. Of what the
// client's socket keeps, the last part goes into the next connection.
void Link::sever(bool server_alive, bool late) {
  ++connection_;
  up_ = false;
  link_busy_until_ = last_up_ = last_down_ = network_.events_.now();
  if (server_sees_ && network_.by_id_[routing_id_] == this) network_.by_id_.erase(routing_id_);
  server_sees_ = false;
  Dice& dice = network_.dice_;
  auto rising = std::exchange(to_server_, {});
  const std::size_t arrives = server_alive && !hole_ ? dice.number(0, rising.size()) : 0;
  Time due = network_.events_.now();
  for (std::size_t i = 0; i < arrives; ++i) {
    if (late) due += dice.between(0ms, 100ms);
    network_.events_.at(due, [this, id = routing_id_, message = rising[i].message] {
      if (network_.server_alive_) network_.handler_(id, user_, message);
    });
  }
  if (manner_.keeps) {
    const std::size_t kept = dice.number(0, rising.size() - arrives);
    for (std::size_t i = rising.size() - kept; i < rising.size(); ++i) kept_.push_back(rising[i].message);
  }
  auto falling = std::exchange(to_client_, {});
  const std::size_t falls = hole_ ? 0 : dice.number(0, falling.size());
  falling.resize(falls);
  for (auto& flight : falling) {
    flight.stale = true;
    flight.due = network_.events_.now();
    to_client_.push_back(flight);
    network_.events_.in(dice.between(1ms, 400ms),
                        [this, connection = connection_] { arrive_at_client(connection); });
  }
}

void Link::cut(milliseconds down) {
  if (!open_ || gone_) return;
  network_.checks_.note(routing_id_, "cut for " + std::to_string(down.count()) + " ms");
  const bool seen = client_sees_;
  if (up_) sever(network_.server_alive_);
  hole_ = client_sees_ = false;
  if (seen) ear_.lost();
  connect(down + kReconnect);
}

void Link::stall(milliseconds length) {
  network_.checks_.note(routing_id_, "stalled for " + std::to_string(length.count()) + " ms");
  stalled_until_ = std::max(stalled_until_, network_.events_.now() + length);
}

void Link::black_hole(milliseconds length) {
  if (!up_ || hole_ || gone_) return;
  if (length < kServerHears) return stall(length);
  mute();
  network_.events_.in(kClientHears, [this, socket = socket_, hole = holes_] {
    if (socket != socket_ || hole != holes_ || !hole_ || !manner_.is_watched || !client_sees_) return;
    client_sees_ = false;
    ear_.lost();
  });
  network_.events_.in(length, [this, socket = socket_, hole = holes_] {
    if (socket == socket_ && hole == holes_ && hole_) cut(0ms);
  });
}

void Link::mute() {
  if (!up_ || hole_ || gone_) return;
  network_.checks_.note(routing_id_, "black hole");
  hole_ = true;
  ++holes_;
  network_.events_.in(kServerHears, [this, connection = connection_] {
    if (connection != connection_ || !server_sees_) return;
    server_sees_ = false;
    network_.by_id_.erase(routing_id_);
  });
}

void Link::vanish() {
  network_.checks_.note(routing_id_, "vanishes, " + user_);
  mute();
  gone_ = true;
  ++socket_;
}

bool Link::send(const wire::ClientMessage& message) {
  if (!client_sees_ && !manner_.keeps) return false;
  network_.checks_.note(routing_id_, [&] { return "-> " + text_of(message); });
  if (!up_) {
    kept_.push_back(message);
    return true;
  }
  put(message, network_.events_.now());
  if (network_.dice_.chance(manner_.repeats)) put(message, network_.events_.now());
  return true;
}

bool Link::from_server(const wire::ServerMessage& message) {
  put(message, network_.events_.now());
  if (network_.dice_.chance(manner_.repeats) && may_be_repeated(message, manner_.keeps))
    put(message, network_.events_.now());
  return true;
}

Time Link::due_after(Time last) const {
  const milliseconds jitter = network_.dice_.between(0ms, manner_.latency);
  return std::max(last, network_.events_.now() + manner_.latency + jitter);
}

void Link::put(const wire::ClientMessage& message, Time not_before) {
  const auto* chunk = std::get_if<wire::PostChunk>(&message);
  const std::uint64_t bytes = chunk && manner_.rate > 0 ? chunk->data.size() : 0;
  const milliseconds taking(bytes > 0 ? bytes * 1000 / manner_.rate : 0);
  link_busy_until_ = std::max(link_busy_until_, not_before) + taking;
  last_up_ = due_after(std::max(last_up_, link_busy_until_));
  to_server_.push_back({last_up_, message});
  network_.events_.at(last_up_, [this, connection = connection_] { arrive_at_server(connection); });
}

void Link::put(const wire::ServerMessage& message, Time not_before) {
  last_down_ = due_after(std::max(last_down_, not_before));
  to_client_.push_back({last_down_, message});
  network_.events_.at(last_down_, [this, connection = connection_] { arrive_at_client(connection); });
}

void Link::arrive_at_server(std::uint64_t connection) {
  const Time now = network_.events_.now();
  if (connection != connection_ || hole_ || to_server_.empty()) return;
  if (now < stalled_until_)
    return network_.events_.at(stalled_until_, [this, connection] { arrive_at_server(connection); });
  const wire::ClientMessage message = to_server_.front().message;
  to_server_.pop_front();
  ear_.bytes_moved();
  network_.handler_(routing_id_, user_, message);
}

void Link::arrive_at_client(std::uint64_t connection) {
  const Time now = network_.events_.now();
  if (connection != connection_ || to_client_.empty()) return;
  if (hole_ && !to_client_.front().stale) return;
  if (now < stalled_until_)
    return network_.events_.at(stalled_until_, [this, connection] { arrive_at_client(connection); });
  const wire::ServerMessage message = to_client_.front().message;
  to_client_.pop_front();
  if (gone_) return;
  network_.checks_.note(routing_id_, [&] { return "<- " + text_of(message); });
  ear_.hear(message);
}

void Link::server_died() {
  if (!open_) return;
  const bool seen = client_sees_ && !hole_;
  if (up_) sever(false);
  if (hole_) return;
  client_sees_ = false;
  if (seen) ear_.lost();
}

void Link::server_lives() {
  if (open_ && !up_) connect(network_.dice_.between(1ms, 5s));
}

Network::Sent Network::send(const std::string& routing_id, const wire::ServerMessage& message) {
  const auto found = by_id_.find(routing_id);
  if (found == by_id_.end()) return Sent::gone;
  if (!calm_ && dice_.chance(10)) return Sent::slow;
  found->second->from_server(message);
  return Sent::done;
}

void Network::server_died() {
  server_alive_ = false;
  for (Link* link : links_) link->server_died();
}

void Network::server_lives() {
  server_alive_ = true;
  for (Link* link : links_) link->server_lives();
}

}  // namespace dync::pair
