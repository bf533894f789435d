#include "ops/server/commands.h"

#include <cstdio>
#include <exception>

#include "ops/server/control.h"
#include "ops/server/server.h"
#include "ops/server/settings.h"
#include "proto/service/worker.h"

namespace dync::server {
namespace {

int check(const Settings& settings) {
  std::fputs(describe(settings).c_str(), stdout);
  for (const std::string& problem : settings.problems)
    std::fprintf(stderr, "dync-server: this key is skipped: %s\n", problem.c_str());
  return service::kExitOk;
}

int start(const Settings& settings) {
  if (!settings.config.logging.file)
    std::fputs("dync-server: the config names no log file: in the background its log is lost\n", stderr);
  return run_server(settings, Launch::background());
}

int restart(const Settings& settings) {
  const int code = stop_running(settings.config);
  return code == service::kExitOk ? start(settings) : code;
}

Settings load(const Options& options) {
  Settings settings = load_settings(options.config);
  settings.fresh = options.fresh;
  return settings;
}

int run(const Options& options) {
  switch (options.command) {
    case Command::status:
      return show_status(load_config(options.config));
    case Command::stop:
      return stop_running(load_config(options.config));
    case Command::run:
      return run_server(load(options), Launch::foreground());
    case Command::start:
      return start(load(options));
    case Command::restart:
      return restart(load(options));
    case Command::check:
      return check(load(options));
  }
  return service::kExitInternal;
}

}  // namespace

int run_command(const Options& options) {
  try {
    return run(options);
  } catch (const config::Error& error) {
    std::fprintf(stderr, "dync-server: %s\n", error.what());
    return service::kExitConfig;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dync-server: %s\n", error.what());
    return service::kExitFailed;
  }
}

}  // namespace dync::server
