#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/first_connect.h"
#include "client/keys_of_server.h"
#include "client/options.h"
#include "client/transfer.h"
#include "proto/transport/socket.h"

namespace dync::client {

// The DEALER socket to one server, with CURVE. libzmq connects again by itself; where it would not (a broken
// handshake, a connection that never comes), this opens a new socket with the same routing id.
class Connection {
 public:
  enum class Event { ready, lost };

  // `first` is how long an unreachable server is tried before the first connection.
  Connection(transport::Context& context, ServerAddress server, ClientKeys keys, std::vector<bool> families,
             std::chrono::milliseconds first, Time now);

  // Ends the present connection, if any, and begins a new one.
  void open(bool fresh_id, Time now);

  // False: not now (no connection).
  bool send(transport::Message& message) { return socket_->send(message) == transport::Sent::done; }
  bool receive(transport::Message& into) { return socket_->receive(into); }

  // What happened to the connection, one by one. Also does what is due by time.
  std::optional<Event> next_event(Time now);
  Time deadline() const;
  // Final: the sentence why there can be no connection.
  const std::optional<std::string>& failed() const noexcept { return failed_; }
  bool ready() const noexcept { return ready_; }

  void* handle() const { return socket_->handle(); }
  void* monitor_handle() const { return socket_->monitor_handle(); }

 private:
  void connect(Time now);
  std::optional<Event> take(transport::ConnectionEvent::Kind kind, Time now);
  void judge(Time now);

  transport::Context& context_;
  ServerAddress server_;
  ClientKeys keys_;
  std::vector<bool> families_;  // still to try, the present one first
  std::chrono::milliseconds patience_;
  FirstConnect first_;
  std::string routing_id_;
  std::optional<transport::Socket> socket_;
  bool ready_ = false;
  Time open_again_;  // while there is no connection
  std::optional<std::string> failed_;
};

}  // namespace dync::client
