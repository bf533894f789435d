#include "client/first_connect.h"

#include <algorithm>

#include "schema/limits/limits.h"

namespace dync::client {

namespace {

// A few broken handshakes in a moment may be a shaky link, or a server that was just stopping.
constexpr std::uint32_t kBrokenHandshakes = 2;
constexpr std::chrono::seconds kShaky{3};

}  // namespace

FirstConnect::FirstConnect(std::chrono::milliseconds patience, Time now) : patience_(patience), began_(now) {}

void FirstConnect::event(transport::ConnectionEvent::Kind kind) {
  using Kind = transport::ConnectionEvent::Kind;
  switch (kind) {
    case Kind::connected:
      connected_ = true;
      break;
    case Kind::ready:
      ready_ = true;
      break;
    case Kind::refused_key:
      refused_key_ = true;
      break;
    case Kind::handshake_failed:
    case Kind::disconnected:
      if (connected_) ++broken_;
      connected_ = false;
      break;
    case Kind::retrying:
      connected_ = false;
      break;
  }
}

Time FirstConnect::deadline() const noexcept {
  const bool never_ready = broken_ >= kBrokenHandshakes;
  return began_ + (never_ready ? std::min<std::chrono::milliseconds>(patience_, kShaky) : patience_);
}

std::optional<ConnectFault> FirstConnect::fault(Time now) const {
  if (refused_key_) return ConnectFault::refused_key;
  if (ready_) return std::nullopt;
  if (now < deadline()) return std::nullopt;
  return connected_ || broken_ > 0 ? ConnectFault::no_handshake : ConnectFault::unreachable;
}

std::string fault_sentence(ConnectFault fault, const ServerAddress& server, const ClientKeys& keys,
                           const std::string& reason) {
  const std::string where = server.host + " port " + std::to_string(server.port);
  switch (fault) {
    case ConnectFault::refused_key:
      return "the server at " + where +
             " does not know your key, or no longer: send the public key that belongs to " +
             keys.secret_file + " to its operator";
    case ConnectFault::no_handshake:
      return where + " answers, but not as the dync server of " + keys.server_file +
             ": ask its operator for its present key, or check host and port";
    case ConnectFault::unreachable:
      return "cannot reach " + where + ": " + reason + ": check host and port, and any firewall between";
  }
  return {};
}

}  // namespace dync::client
