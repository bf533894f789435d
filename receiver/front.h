#pragma once

#include <functional>
#include <string>

#include "proto/service/worker.h"
#include "proto/transport/socket.h"
#include "proto/wire/messages.h"

namespace dync::receiver {

// The socket that clients connect to: ROUTER with CURVE. Never blocks; a reply to a client that is slow or
// gone is dropped, the protocol heals that.
class Front {
 public:
  // What came by one connection of an authenticated client.
  struct Incoming {
    std::string routing_id;
    std::string user;
    std::string public_key;
    std::span<transport::Frame> frames;  // from the command on
  };

  // `largest`: bytes of the largest frame's content. `secret_key`: the server's.
  Front(transport::Context& context, service::Worker& worker, const std::string& secret_key,
        std::uint64_t largest);

  // Returns the endpoint that is really bound. `handler` hears of every message from then on.
  std::string bind(const std::string& endpoint, std::function<void(const Incoming&)> handler);

  transport::Sent send(const std::string& routing_id, const wire::ServerMessage& message);

 private:
  void receive();
  void hand_on(transport::Message& message);

  service::Worker& worker_;
  transport::Socket socket_;
  std::function<void(const Incoming&)> handler_;
};

}  // namespace dync::receiver
