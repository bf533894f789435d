#include "ops/server/options.h"

#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include "dync_version.h"
#include "proto/service/worker.h"
#include "schema/names/names.h"

namespace dync::server {
namespace {

constexpr char kSummary[] =
    "Receives, verifies, records and publishes files that dync sends.\n"
    "Without a command it runs in the foreground until SIGTERM or Ctrl-C.";

constexpr char kExits[] =
    "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 status: not running; 78 a mistake in the config file.";

const std::map<std::string, Command>& commands() {
  static const std::map<std::string, Command> all = {{"start", Command::start},
                                                     {"stop", Command::stop},
                                                     {"restart", Command::restart},
                                                     {"status", Command::status},
                                                     {"check", Command::check}};
  return all;
}

}  // namespace

std::variant<Options, int> parse_options(int argc, char** argv) {
  CLI::App app(kSummary, "dync-server");
  app.footer(kExits);
  std::string command;
  std::string config = names::kConfigFile;
  bool background = false;
  Options options;
  app.add_option("COMMAND", command,
                 "start: in the background; stop; restart; status; check: tell what the config file means")
      ->check(CLI::IsMember({"start", "stop", "restart", "status", "check"}))
      ->option_text(" ");
  app.add_flag("-d,--daemon", background, "run in the background; returns when the server serves");
  app.add_flag(
      "--fresh", options.fresh,
      "start although storage.tmp_dir holds uploads of another ledger, and leave them alone from now on");
  app.add_option("-c,--config", config, "the config file")->option_text("FILE [" + config + "]");
  app.set_version_flag("--version", std::string("dync-server ") + kVersion);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? service::kExitOk : service::kExitUsage;
  }
  const auto found = commands().find(command);
  if (found != commands().end()) options.command = found->second;
  if (found == commands().end() && background) options.command = Command::start;
  options.config = std::filesystem::absolute(config).lexically_normal();
  return options;
}

}  // namespace dync::server
