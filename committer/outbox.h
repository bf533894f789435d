#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "proto/ipc/messages.h"
#include "proto/service/log.h"
#include "proto/transport/socket.h"

namespace dync::committer {

inline constexpr char kReceiver[] = "receiver";  // its routing id; a hasher's is "hasher-N"

// What a batch sets off, in order: nothing of it happens before the batch is durable.
class Outbox {
 public:
  explicit Outbox(const service::Log& log) : log_(log) {}

  void to_receiver(const ipc::Message& message);
  void then(std::function<void()> action) { actions_.push_back(std::move(action)); }

  // After COMMIT: carries out all that waits. Never blocks; what a slow peer does not take stays, in order.
  void release(transport::Socket& socket);
  bool waiting() const noexcept { return !queues_.empty(); }

 private:
  void flush(transport::Socket& socket);

  const service::Log& log_;
  std::vector<std::function<void()>> actions_;
  std::map<std::string, std::deque<std::string>> queues_;  // by peer, encoded
};

}  // namespace dync::committer
