#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "proto/keys/key_ring.h"
#include "proto/transport/socket.h"

namespace dync::keys {

// The ZAP handler (ZeroMQ RFC 27): answers libzmq's question whether a CURVE key may connect. Make it before
// the server's socket is bound. A reply of 200 carries the user id, and the public key as property
// kKeyProperty of every message that comes by that connection, so that a later revocation is seen at each
// message.
class Authenticator {
 public:
  static constexpr const char* kKeyProperty = "X-Key";
  static constexpr const char* kUserProperty = "User-Id";

  struct Decision {
    bool allowed;
    std::string public_key;  // Z85
    std::string user_id;     // empty if not listed
    std::string address;
  };

  explicit Authenticator(transport::Context& context);

  // Answers what waits; never blocks. `told` hears of each decision.
  void serve(const KeyRing& ring, const std::function<void(const Decision&)>& told);

  void* handle() const { return socket_.handle(); }

 private:
  transport::Socket socket_;
};

}  // namespace dync::keys
