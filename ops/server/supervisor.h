#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ops/server/broker.h"
#include "ops/server/process.h"
#include "ops/server/stop_order.h"
#include "proto/ipc/shared_memory.h"
#include "proto/service/log.h"
#include "proto/service/loop.h"
#include "proto/service/worker.h"
#include "schema/limits/limits.h"

namespace dync::server {

// limits::kSteady; a test build's test may let nobody wait who dies again and again.
std::chrono::milliseconds usual_steady();

// How long the supervisor waits for what. Tests take less.
struct Timing {
  std::chrono::milliseconds silent = std::chrono::seconds(service::kSilentSeconds);
  std::chrono::milliseconds start = limits::kWorkerStart;
  std::chrono::milliseconds stop = limits::kStop;
  std::chrono::milliseconds restart_most = limits::kRestartMost;
  std::chrono::milliseconds steady = usual_steady();
  std::chrono::milliseconds untar = limits::kUntarTime;
};

struct Setup {
  std::filesystem::path config_file;
  std::string config_text;
  std::filesystem::path runtime_dir;
  bool debug = false;       // workers send their debug lines too
  bool fresh = false;       // the committer leaves the staging of other ledgers alone
  bool background = false;  // workers get /dev/null as 0, 1 and 2
  std::vector<WorkerSpec> workers;
  std::filesystem::path untar;  // the program
  Timing timing;
};

// The workers' life: started in the order committer, hashers, receiver, each when the ones before are ready;
// restarted when they die or fall silent; stopped in the order receiver, hashers, committer.
// It owns the shared memory, which so outlives every worker.
class Supervisor {
 public:
  struct Told {
    std::function<void(service::Level, const std::string& worker, const std::string& line)> log;
    std::function<void(const std::string& address)> ready;  // once: all serve
    std::function<void(int code)> ended;                    // once: no worker is left; the exit code
  };
  Supervisor(service::Loop& loop, const service::Log& log, Setup setup, Told told);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  void start();
  // Stops in order; `code` is what `ended` gets. A second call changes nothing.
  void stop(int code);
  // The config has changed: workers that run are told, those that start later get this text.
  void reload(const std::string& config_text, bool debug);
  // After SIGCHLD: reaps whoever died.
  void reap();
  // Every worker has spoken, or was started, within the time that a silent one is given.
  bool fresh() const;

  bool stopping() const noexcept { return stopping_.has_value(); }

 private:
  void start_next_stage();
  void try_start(Process& worker);
  std::vector<std::string> arguments_of(const WorkerSpec& spec) const;
  void heard(Process& worker, const std::optional<ipc::Message>& message);
  void became_ready(Process& worker, const std::string& address);
  void ended(Process& worker, const posix::Exit& end);
  void restart_after(Process& worker, std::chrono::milliseconds wait);
  void tell_reload();
  void kill_silent();
  void step_down();
  Process* find(pid_t pid);
  bool any_alive(ipc::Role role) const;
  bool all_ready(ipc::Role role) const;
  std::chrono::milliseconds allowed_silence(const Process& worker) const;

  service::Loop& loop_;
  const service::Log& log_;
  Setup setup_;
  Told told_;
  posix::Fd config_;
  posix::Fd shared_;
  posix::Fd null_;
  ipc::SharedMemory memory_;
  Broker broker_;
  std::vector<std::unique_ptr<Process>> workers_;
  Process* waits_for_untar_ = nullptr;
  std::set<Process*> untold_;  // have not got the last Reload yet
  bool tells_again_ = false;   // a timer runs for them
  std::string address_;        // the receiver's, once it was ready
  bool all_serve_ = false;     // the first start is over
  std::optional<StopOrder> stopping_;
  int exit_code_ = 0;
  bool ended_ = false;
};

}  // namespace dync::server
