#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "proto/transport/socket.h"

namespace dync::service {

// One thread's event loop: sockets, descriptors, timers (monotonic: a jump of the clock changes nothing).
// Handlers may add and remove what they like; a handler that throws ends run() with that exception.
class Loop {
 public:
  using Clock = std::chrono::steady_clock;
  using Handler = std::function<void()>;
  using Id = std::uint64_t;

  // Called whenever the socket may have something; it reads until receive() says no, or as much as it wants:
  // it is called again while something is left.
  Id on_socket(void* handle, Handler handler);
  Id on_readable(int fd, Handler handler);
  Id after(std::chrono::milliseconds delay, Handler handler);
  Id every(std::chrono::milliseconds period, Handler handler);
  // Called once in each turn, after all handlers.
  Id each_turn(Handler handler);
  void remove(Id id);

  void run();   // until stop()
  void stop();  // from a handler
  bool stopping() const noexcept { return stopping_; }

 private:
  using Kept = std::shared_ptr<Handler>;
  struct Source {
    void* socket;
    int fd;
    Kept handler;
  };
  struct Timer {
    Clock::time_point due;
    Clock::duration period;  // zero: once
    Kept handler;
  };
  Id add_timer(std::chrono::milliseconds delay, std::chrono::milliseconds period, Handler handler);
  std::chrono::milliseconds until_next_timer() const;
  void run_sources();
  void run_timers();
  void run_turns();

  std::map<Id, Source> sources_;
  std::map<Id, Timer> timers_;
  std::set<std::pair<Clock::time_point, Id>> schedule_;
  std::map<Id, Kept> turns_;
  Id next_ = 1;
  bool stopping_ = false;
};

}  // namespace dync::service
