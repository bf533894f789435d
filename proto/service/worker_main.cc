#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <iostream>
#include <sys/socket.h>

#include "dync_version.h"
#include "proto/posix/error.h"
#include "proto/posix/process.h"
#include "proto/service/worker.h"

namespace dync::service {
namespace {

bool is_packet_socket(int fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

bool is_memory_file(int fd) {
  return ::fcntl(fd, F_GET_SEALS) >= 0;
}

bool inherited() {
  return is_packet_socket(kChannelFd) && is_memory_file(kConfigFd) && is_memory_file(kSharedFd);
}

// What the supervisor passed is for this process only.
void keep_from_children() {
  for (const int fd : {kChannelFd, kConfigFd, kSharedFd, kBrokerFd})
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 && errno != EBADF)
      posix::fail("keep", "an inherited descriptor");
}

// A terminal sends these to all processes; the supervisor alone decides what they mean.
void leave_signals_to_supervisor() {
  for (const int signal : {SIGINT, SIGHUP, SIGPIPE, SIGQUIT}) std::signal(signal, SIG_IGN);
}

// An exit code if there is nothing to run.
std::optional<int> parse(int argc, char** argv, const char* name, const char* summary,
                         WorkerOptions& options) {
  CLI::App app{summary, name};
  app.set_version_flag("--version", std::string(name) + " " + kVersion, "Print the version and exit");
  app.add_option("--config", options.config_path, "The config file, as the server was given it");
  app.add_option("--runtime-dir", options.runtime_dir, "The directory of the server's sockets");
  app.add_option("--instance", options.instance, "The number of this worker among its like, from 0")
      ->check(CLI::Range(0, 1023));
  app.add_option("--address", options.address, "Bind here, not at the config's address");
  app.add_flag("--fresh", options.fresh, "Leave the staging directories of other ledgers alone");
  app.add_flag("--debug", options.debug, "Send debug lines to the log too");
  app.footer("dync-server starts this program; it is of no use by hand.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (inherited() && !options.runtime_dir.empty()) return std::nullopt;
  std::cerr << name << " is started by dync-server: run `dync-server` instead.\n";
  return kExitUsage;
}

int run_body(Worker& worker, const char* name, const std::function<void(Worker&)>& body) {
  try {
    body(worker);
    return kExitOk;
  } catch (const Misconfigured& error) {
    worker.log().error("worker.failed", {{"worker", name}, {"error", error.what()}});
    return kExitConfig;
  } catch (const std::exception& error) {
    worker.log().error("worker.failed", {{"worker", name}, {"error", error.what()}});
    return kExitInternal;
  }
}

}  // namespace

int worker_main(int argc, char** argv, const char* name, const char* summary,
                const std::function<void(Worker&)>& body) {
  WorkerOptions options;
  try {
    if (const auto code = parse(argc, argv, name, summary, options)) return *code;
    posix::set_process_name(name);
    leave_signals_to_supervisor();
    keep_from_children();
    options.config_text = posix::read_file(kConfigFd, options.config_path, kMaxConfig);
    Worker worker(std::move(options), posix::Fd(kChannelFd));
    return run_body(worker, name, body);
  } catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << "\n";
    return kExitInternal;
  }
}

}  // namespace dync::service
