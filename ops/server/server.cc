#include "ops/server/server.h"

#include <csignal>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "dync_version.h"
#include "ops/server/held_file.h"
#include "ops/server/log_writer.h"
#include "ops/server/programs.h"
#include "ops/server/runtime_dir.h"
#include "ops/server/supervisor.h"
#include "proto/posix/crash_point.h"
#include "proto/posix/error.h"
#include "proto/posix/process.h"
#include "proto/service/log.h"
#include "proto/service/notify.h"
#include "schema/config/parameters.h"
#include "schema/limits/limits.h"
#include "schema/names/names.h"
#include "schema/names/text.h"
#include "schema/run_file/run_file.h"

namespace dync::server {
namespace {

constexpr mode_t kRunFileMode = 0640;
constexpr mode_t kPidfileMode = 0644;

config::Error needs_restart(const config::Config& next, const std::vector<std::string>& keys) {
  const auto line = next.lines.find(keys.front());
  return {
      next.file, line == next.lines.end() ? 0 : line->second, names::joined(keys),
      "only a restart brings this change, nothing of the file was taken over; restart the server, or undo "
      "the change"};
}

// All that a running server has, in the order in which it is made.
class Server {
 public:
  Server(const Settings& settings, Launch launch)
      : config_(settings.config),
        launch_(std::move(launch)),
        run_file_(names::run_file(config_.ledger), kRunFileMode),
        runtime_dir_(config_),
        writer_(config_.logging,
                launch_.in_background() ? LogWriter::Console::errors : LogWriter::Console::all),
        log_([this](service::Level level, const std::string& line) { writer_.write(level, "server", line); },
             level_of(config_.logging)),
        signals_(posix::signal_fd({SIGTERM, SIGINT, SIGHUP, SIGCHLD})),
        supervisor_(loop_, log_, setup(settings),
                    {.log = [this](auto level, const auto& worker,
                                   const auto& line) { writer_.write(level, worker, line); },
                     .ready = [this](const std::string& address) { serve(address); },
                     .ended = [this](int code) { end(code); }}) {
    if (const auto crashed = run_file::parse(run_file_.left_behind()))
      remove_left_behind(crashed->runtime_dir);
    if (launch_.in_background() && config_.pidfile) {
      hold_pidfile();
    }
    for (const std::string& problem : settings.problems) log_.warning("key.skipped", {{"error", problem}});
  }

  int run() {
    log_.info("server.starting",
              {{"version", kVersion}, {"config", config_.file.native()}, {"pid", ::getpid()}});
    raise_descriptor_limit();
    loop_.on_readable(signals_.get(), [this] { take_signals(); });
    if (const auto period = service::watchdog_period()) loop_.every(*period, [this] { feed_watchdog(); });
    supervisor_.start();
    loop_.run();
    return exit_code_;
  }

 private:
  // A server in the foreground needs none, so it is no mistake in the config before this.
  void hold_pidfile() {
    try {
      pidfile_.emplace(*config_.pidfile, kPidfileMode);
      pidfile_->write(std::to_string(::getpid()) + "\n");
    } catch (const posix::Error& error) {
      constexpr char kKey[] = "options.pidfile";
      throw config::Error(config_.file, config_.lines.at(kKey), kKey,
                          std::string(error.what()) + "; name a file that the server's user can write");
    }
  }

  // A shell's usual 1024 are too few for 500 clients.
  void raise_descriptor_limit() const {
    try {
      posix::raise_descriptor_limit();
    } catch (const posix::Error& error) {
      log_.warning("descriptors.not_raised", {{"error", error.what()}});
    }
  }

  // A test that kills workers again and again does not want to wait.
  static std::chrono::milliseconds restart_most() {
    constexpr std::chrono::milliseconds kUsual = limits::kRestartMost;
    return std::chrono::milliseconds(
        posix::test_value("DYNC_TEST_RESTART_MS", std::uint64_t{kUsual.count()}));
  }

  static bool wants_debug(const config::Config& config) {
    return level_of(config.logging) == service::Level::debug;
  }

  Setup setup(const Settings& settings) const {
    const auto libexec = libexec_directory();
    return {.config_file = config_.file,
            .config_text = settings.text,
            .runtime_dir = runtime_dir_.path(),
            .debug = wants_debug(config_),
            .fresh = settings.fresh,
            .background = launch_.in_background(),
            .workers = worker_specs(libexec, config_.workers.hashers),
            .untar = untar_program(libexec),
            .timing = {.restart_most = restart_most()}};
  }

  void serve(const std::string& address) {
    run_file_.write(run_file::format({.pid = ::getpid(),
                                      .runtime_dir = runtime_dir_.path(),
                                      .address = address,
                                      .started_at = posix::utc_now(),
                                      .started_boot = run_file::boot_seconds()}));
    log_.info("server.ready", {{"address", address}, {"runtime_dir", runtime_dir_.path().native()}});
    if (launch_.in_background()) writer_.leave_console();
    launch_.ready();
    serves_ = true;
    service::notify("READY=1");
  }

  void take_signals() {
    while (const int signal = posix::next_signal(signals_.get())) {
      if (signal == SIGCHLD) {
        supervisor_.reap();
      } else if (signal == SIGHUP) {
        reload();
      } else {
        stop(signal);
      }
    }
  }

  void reload() {
    if (supervisor_.stopping()) return;
    if (serves_) service::notify("RELOADING=1");
    try {
      take_over(load_settings(config_.file));
    } catch (const std::exception& error) {
      log_.error("config.not_reloaded", {{"error", error.what()}});
    }
    if (serves_) service::notify("READY=1");
  }

  void take_over(const Settings& next) {
    const config::Changes changes = config::changes(config_, next.config);
    if (!changes.need_restart.empty()) throw needs_restart(next.config, changes.need_restart);
    config_ = next.config;
    log_.show_from(level_of(config_.logging));
    writer_.show_from(level_of(config_.logging));
    supervisor_.reload(next.text, wants_debug(config_));
    log_.info("config.reloaded",
              {{"changed", changes.reloadable.empty() ? "nothing" : names::joined(changes.reloadable)}});
  }

  void stop(int signal) {
    if (supervisor_.stopping()) return;
    log_.info("server.stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
    service::notify("STOPPING=1");
    supervisor_.stop(service::kExitOk);
  }

  void end(int code) {
    exit_code_ = code;
    log_.info("server.stopped", {{"exit", code}});
    loop_.stop();
  }

  void feed_watchdog() {
    if (supervisor_.fresh()) service::notify("WATCHDOG=1");
  }

  config::Config config_;  // as it counts now
  Launch launch_;
  HeldFile run_file_;
  std::optional<HeldFile> pidfile_;
  RuntimeDir runtime_dir_;
  LogWriter writer_;
  service::Log log_;
  posix::Fd signals_;
  service::Loop loop_;
  Supervisor supervisor_;
  bool serves_ = false;
  int exit_code_ = 0;
};

}  // namespace

int run_server(const Settings& settings, Launch launch) {
  ::umask(settings.config.umask);
  ::signal(SIGPIPE, SIG_IGN);
  return Server(settings, std::move(launch)).run();
}

}  // namespace dync::server
