#pragma once

#include <filesystem>
#include <variant>

namespace dync::server {

enum class Command { run, start, stop, restart, status, check };

struct Options {
  Command command = Command::run;  // run: in the foreground
  bool fresh = false;              // start beside the staging of other ledgers, and leave it alone
  std::filesystem::path config;    // absolute
};

// The command line; or the exit code, when what was to be said (--help, --version, wrong usage) is said.
std::variant<Options, int> parse_options(int argc, char** argv);

}  // namespace dync::server
