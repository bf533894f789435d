#pragma once

#include <deque>
#include <functional>
#include <mutex>

#include "proto/posix/fd.h"

namespace dync::committer {

// What is to be done in the next batch, posted from any thread: results of pool threads, timers, dync-untar's
// ends. The loop's thread takes them.
class Inbox {
 public:
  using Action = std::function<void()>;

  Inbox();
  void post(Action action);
  // The oldest, or nothing.
  Action take();
  int event() const noexcept { return event_.get(); }  // readable while something may be there

 private:
  posix::Fd event_;
  std::mutex mutex_;
  std::deque<Action> actions_;
};

}  // namespace dync::committer
