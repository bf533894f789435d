#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "ops/server/backoff.h"
#include "proto/ipc/messages.h"
#include "proto/ipc/shared_memory.h"
#include "proto/posix/fd.h"
#include "proto/posix/process.h"
#include "proto/service/loop.h"

namespace dync::server {

// Which program does which job.
struct WorkerSpec {
  ipc::Role role;
  int instance;      // which hasher
  std::string name;  // in the log: "receiver", "committer", "hasher-0"
  std::filesystem::path program;
};

// One worker's process and the supervisor's end of its channel, over one life after the other.
class Process {
 public:
  using Clock = std::chrono::steady_clock;

  Process(service::Loop& loop, WorkerSpec spec, BackOff backoff)
      : loop_(loop), spec_(std::move(spec)), backoff_(backoff) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() { close(); }

  // Starts it; `passed` are its descriptors but the channel. `told` gets what it says, nothing for a packet
  // that is no message of ours.
  using Told = std::function<void(Process&, const std::optional<ipc::Message>&)>;
  void start(const std::vector<std::string>& arguments, std::vector<posix::PassedFd> passed,
             const Told& told);
  // It was reaped: hears what it still had to say, and tells how long its successor waits.
  std::chrono::milliseconds ended();
  void kill(int signal) const;
  // Sends `message` with a descriptor. False if it has to be said again later: the worker has not read what
  // was said before.
  bool tell(const ipc::Message& message, int passed) const;

  const WorkerSpec& spec() const noexcept { return spec_; }
  pid_t pid() const noexcept { return pid_; }
  bool alive() const noexcept { return pid_ != 0; }
  bool ready() const noexcept { return alive() && ready_since_.has_value(); }
  bool was_ever_ready() const noexcept { return was_ever_ready_; }
  void set_ready();
  // When it spoke last, or was started.
  Clock::time_point heard() const noexcept { return heard_; }

 private:
  void listen();
  bool listen_once();
  void close();

  service::Loop& loop_;
  WorkerSpec spec_;
  BackOff backoff_;
  Told told_;
  pid_t pid_ = 0;
  posix::Fd channel_;
  std::optional<service::Loop::Id> watch_;
  std::optional<Clock::time_point> ready_since_;
  bool was_ever_ready_ = false;
  Clock::time_point heard_{};
};

}  // namespace dync::server
