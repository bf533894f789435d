#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

#include "proto/ipc/shared_memory.h"

namespace dync::server {

// A clean stop: receiver, then hashers, then committer, each when the ones before are gone. A role that takes
// longer than its share of the time is killed, so that all are gone before `limit`. Pure: it only says what
// to do.
class StopOrder {
 public:
  using Clock = std::chrono::steady_clock;
  using Duration = std::chrono::milliseconds;
  struct Action {
    ipc::Role role;
    int signal;  // SIGTERM, or SIGKILL when its time is over
    bool operator==(const Action&) const = default;
  };

  StopOrder(Clock::time_point begun, Duration limit) : begun_(begun), limit_(limit) {}

  // What is to be done now, given which roles still have a process. Each action is said once.
  std::vector<Action> next(Clock::time_point now, const std::function<bool(ipc::Role)>& alive);
  bool done() const noexcept;

 private:
  Clock::time_point begun_;
  Duration limit_;
  std::size_t stage_ = 0;
  bool told_ = false;
  bool killed_ = false;
};

}  // namespace dync::server
