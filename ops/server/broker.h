#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/ipc/messages.h"
#include "proto/posix/fd.h"
#include "proto/posix/process.h"
#include "proto/service/log.h"
#include "proto/service/loop.h"

namespace dync::server {

// Starts a dync-untar for each RunUntar of the committer and says UntarEnded when it was reaped. No more than
// `at_once` run; further requests wait in the socket. One that takes longer than `limit` is killed.
class Broker {
 public:
  struct Settings {
    std::filesystem::path program;
    std::size_t at_once;
    std::chrono::milliseconds limit;
    std::vector<posix::PassedFd> standard;  // 0, 1 and 2 of the children, where they are not ours
  };
  Broker(service::Loop& loop, const service::Log& log, Settings settings)
      : loop_(loop), log_(log), settings_(std::move(settings)) {}
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;
  ~Broker();

  // A new committer's end of the socket.
  posix::Fd open();
  // The committer is gone: its children are killed, nobody is told.
  void close();
  // Children that were not reaped yet. A new committer must not start before they are gone: they write.
  bool busy() const noexcept { return !jobs_.empty(); }
  // A child of the supervisor was reaped. False if it was none of the broker's.
  bool reaped(pid_t pid, const posix::Exit& end);

 private:
  struct Job {
    std::uint64_t number;
    service::Loop::Id timer;
    bool orphan = false;
  };
  void serve();
  // False when nothing is to be had now.
  bool serve_one();
  void start(const ipc::RunUntar& request, std::vector<posix::Fd> passed);
  void say(const ipc::UntarEnded& ended);
  void flush();
  void listen();
  void pause();
  void disconnect();

  service::Loop& loop_;
  const service::Log& log_;
  Settings settings_;
  posix::Fd socket_;
  std::optional<service::Loop::Id> watch_;
  std::optional<service::Loop::Id> retry_;
  std::map<pid_t, Job> jobs_;
  std::deque<std::string> unsaid_;  // the committer's queue was full
};

}  // namespace dync::server
