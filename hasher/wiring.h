#pragma once

#include <cstdint>

#include "hasher/uploads.h"
#include "proto/service/worker.h"
#include "proto/transport/socket.h"
#include "schema/config/config.h"

namespace dync::hasher {

// The hasher's sockets and timers: the receiver's messages in, verdicts to the committer out.
class Wiring {
 public:
  // Binds, connects, and is ready.
  Wiring(service::Worker& worker, const ipc::SharedMemory& memory, const config::Config& config);
  Wiring(const Wiring&) = delete;
  Wiring& operator=(const Wiring&) = delete;

 private:
  void read_messages();
  bool tell(const ipc::Message& message);
  void look();
  void turn();

  service::Worker& worker_;
  const ipc::SharedMemory& memory_;
  transport::Context context_;
  transport::Socket receiver_;
  transport::Socket committer_;
  Uploads uploads_;
  std::uint32_t committer_seen_;  // its incarnation
};

}  // namespace dync::hasher
