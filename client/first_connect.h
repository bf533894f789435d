#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "client/keys_of_server.h"
#include "client/options.h"
#include "client/transfer.h"
#include "proto/transport/socket.h"

// Tells within seconds why the very first connection does not come about. Pure.
namespace dync::client {

enum class ConnectFault {
  refused_key,   // the server does not list the client's key
  no_handshake,  // something answers, but the handshake fails: wrong server key, or no dync server
  unreachable,   // nothing answers
};

class FirstConnect {
 public:
  // `patience`: how long an unreachable server is tried.
  FirstConnect(std::chrono::milliseconds patience, Time now);

  void event(transport::ConnectionEvent::Kind kind);
  std::optional<ConnectFault> fault(Time now) const;
  bool done() const noexcept { return ready_; }
  // When fault() may say more by itself.
  Time deadline() const noexcept;

 private:
  std::chrono::milliseconds patience_;
  Time began_;
  bool ready_ = false;
  bool refused_key_ = false;
  bool connected_ = false;    // TCP is up
  std::uint32_t broken_ = 0;  // handshakes
};

std::string fault_sentence(ConnectFault fault, const ServerAddress& server, const ClientKeys& keys,
                           const std::string& reason);

}  // namespace dync::client
