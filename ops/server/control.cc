#include "ops/server/control.h"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/fd.h"
#include "proto/service/worker.h"
#include "schema/limits/limits.h"
#include "schema/names/names.h"
#include "schema/run_file/run_file.h"

namespace dync::server {
namespace {

std::string duration_text(std::int64_t seconds) {
  const std::int64_t minutes = seconds / 60;
  const std::int64_t hours = minutes / 60;
  const auto number = [](std::int64_t value) { return std::to_string(value); };
  if (hours >= 24) return number(hours / 24) + " d " + number(hours % 24) + " h";
  if (hours > 0) return number(hours) + " h " + number(minutes % 60) + " min";
  if (minutes > 0) return number(minutes) + " min " + number(seconds % 60) + " s";
  return number(seconds) + " s";
}

// Refers to this very process, whoever gets its number later.
posix::Fd open_process(pid_t pid) {
  return posix::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

bool wait_for_end(const posix::Fd& process) {
  constexpr std::chrono::milliseconds kMost = limits::kStop + std::chrono::seconds(5);
  pollfd end{process.get(), POLLIN, 0};
  int got = 0;
  do got = ::poll(&end, 1, static_cast<int>(kMost.count()));
  while (got < 0 && errno == EINTR);
  return got > 0;
}

}  // namespace

int show_status(const config::Config& config) {
  const auto running = run_file::find(names::run_file(config.ledger));
  if (!running) {
    std::puts("dync-server is not running");
    return kExitNotRunning;
  }
  if (running->address.empty()) {
    std::printf("dync-server is starting (pid %d)\n", running->pid);
  } else {
    const auto uptime = std::max<std::int64_t>(0, run_file::boot_seconds() - running->started_boot);
    std::printf("dync-server is running\npid      %d\naddress  %s\nuptime   %s, since %s\n", running->pid,
                running->address.c_str(), duration_text(uptime).c_str(), running->started_at.c_str());
  }
  return service::kExitOk;
}

int stop_running(const config::Config& config) {
  const auto file = names::run_file(config.ledger);
  const auto running = run_file::find(file);
  if (!running) {
    std::puts("dync-server is not running");
    return service::kExitOk;
  }
  const posix::Fd process = open_process(running->pid);
  if (!process && errno == ESRCH) return service::kExitOk;  // it went meanwhile
  const std::string name = "dync-server (pid " + std::to_string(running->pid) + ")";
  if (!process) posix::fail("stop", name);
  // Still the holder: so the descriptor is the server's, not that of a process that got its number.
  const auto still = run_file::find(file);
  if (!still || still->pid != running->pid) return service::kExitOk;
  if (::syscall(SYS_pidfd_send_signal, process.get(), SIGTERM, nullptr, 0) != 0 && errno != ESRCH)
    posix::fail("stop", name);
  if (!wait_for_end(process))
    throw std::runtime_error(name + " does not end; look at its log, or end it with: kill -KILL " +
                             std::to_string(running->pid));
  std::puts("dync-server is stopped");
  return service::kExitOk;
}

}  // namespace dync::server
