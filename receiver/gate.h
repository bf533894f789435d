#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "proto/keys/authenticator.h"
#include "proto/keys/key_ring.h"
#include "proto/service/worker.h"
#include "proto/transport/socket.h"

namespace dync::receiver {

// Who may come in: answers libzmq at each connection by the listed keys, and at each message whether its key
// is still listed. Make it before the clients' socket is bound.
class Gate {
 public:
  Gate(transport::Context& context, service::Worker& worker, const std::filesystem::path& clients);

  bool listed(std::string_view public_key, std::string_view user) const;
  // Reads the keys again if their directory has changed.
  void refresh();

 private:
  void serve();
  void tell_problems();

  service::Worker& worker_;
  keys::KeyDirectory directory_;
  std::string trouble_;  // with the directory, as it was told last
  keys::Authenticator authenticator_;
};

}  // namespace dync::receiver
