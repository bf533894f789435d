#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "proto/posix/fd.h"
#include "proto/service/log.h"
#include "proto/service/loop.h"

// What every worker has in common: its options, its channel to the supervisor, signals, and how it ends.
namespace dync::service {

// The descriptors that a worker inherits, by number. Nothing else is open.
inline constexpr int kChannelFd = 3;  // to the supervisor: log, ready, alive; its end means: exit
inline constexpr int kConfigFd = 4;   // memfd with the text of the config file
inline constexpr int kSharedFd = 5;   // the shared memory
inline constexpr int kBrokerFd = 6;   // committer only: starts dync-untar

inline constexpr std::size_t kMaxConfig = std::size_t{16} * 1024 * 1024;  // bytes of a config text

// Exit codes of all our programs (sysexits.h where it has one).
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitConfig = 78;
inline constexpr int kExitInternal = 70;

// How often each worker tells that its loop turns, and how long the supervisor waits for it.
inline constexpr int kAliveSeconds = 1;
inline constexpr int kSilentSeconds = 30;

struct WorkerOptions {
  std::string config_path;  // for messages and relative paths; the text is at kConfigFd
  std::string config_text;
  std::string runtime_dir;
  std::string address;  // receiver: bind here instead of the config's address (a port chosen before)
  int instance = 0;     // which hasher
  bool fresh = false;   // committer: leave the staging of other ledgers alone
  bool debug = false;   // send debug lines too
};

// The worker can't serve as things are configured or lie on disk: it ends with kExitConfig, and the server
// with it.
class Misconfigured : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Worker {
 public:
  Worker(WorkerOptions options, posix::Fd channel);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  const WorkerOptions& options() const noexcept { return options_; }
  Log& log() noexcept { return log_; }
  Loop& loop() noexcept { return loop_; }

  // Called at SIGTERM and when the supervisor is gone; the default stops the loop. If the supervisor goes
  // after SIGTERM, the loop is stopped at once.
  void on_stop(std::function<void()> handler) { on_stop_ = std::move(handler); }
  // Called with the text of the new config whenever the server takes one over. Without a handler the worker
  // keeps what it has.
  void on_reload(std::function<void(const std::string& config_text)> handler) {
    on_reload_ = std::move(handler);
  }
  // Whether debug lines are sent too, from now on.
  void show_debug(bool debug) { log_.show_from(debug ? Level::debug : Level::info); }
  // Tells the supervisor that this worker serves now.
  void ready(const std::string& address = {});
  // Runs the loop until it is stopped, telling the supervisor all the while that it turns.
  void run();

 private:
  bool tell(const std::string& packet) const;
  void log_line(Level level, const std::string& line);
  void read_channel();
  void heard(const std::string& packet, const std::vector<posix::Fd>& passed);
  void read_signals();
  void stop();

  WorkerOptions options_;
  posix::Fd channel_;
  posix::Fd signals_;
  Loop loop_;
  Log log_;
  std::function<void()> on_stop_;
  std::function<void(const std::string&)> on_reload_;
  bool stop_told_ = false;
  std::uint64_t lines_lost_ = 0;  // while the channel was full
};

// The main function of a worker: --help and --version, usage errors (exit 2), then `body`. An exception that
// leaves `body` is logged and ends the process with kExitInternal: the supervisor starts a new one.
// Started by hand, without the inherited descriptors, it says so and exits 2.
int worker_main(int argc, char** argv, const char* name, const char* summary,
                const std::function<void(Worker&)>& body);

}  // namespace dync::service
