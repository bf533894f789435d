#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "client/metadata.h"

namespace dync::client {

enum class ProgressMode { automatic, always, never };

struct ServerAddress {
  std::string host;  // without brackets
  int port = 0;
  bool operator==(const ServerAddress&) const = default;
};

struct Options {
  ServerAddress server;
  std::vector<std::string> files;  // as given; one "-" for standard input
  std::optional<std::string> name;
  std::optional<std::string> meta_file;
  KeyValues key_values;
  bool resume = true;
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  ProgressMode progress = ProgressMode::automatic;
  std::optional<std::string> config_dir;
  std::optional<std::chrono::seconds> timeout;
};

// The program ends at once: help, version (code 0, text for standard output) or a usage error (code 2, text
// for standard error).
struct EarlyExit {
  int code;
  std::string text;
};

std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv);

// HOST, HOST:PORT, [IPv6] or [IPv6]:PORT; nothing if it is none of them. `port` is used where it names none.
std::optional<ServerAddress> parse_server(const std::string& text, int port);

}  // namespace dync::client
