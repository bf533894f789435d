#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "schema/config/config.h"

namespace dync::server {

// A config file that a server can start with, and what the workers get: its text, with all that it names.
struct Settings {
  std::string text;
  config::Config config;
  std::size_t client_keys = 0;        // valid ones
  std::vector<std::string> problems;  // with client keys; they stop nobody else
  bool fresh = false;                 // the command line's
};

// Reads and checks all that can be wrong before the first worker starts: syntax and values, rules,
// directories, keys. Throws config::Error.
Settings load_settings(const std::filesystem::path& file);

// Only syntax and values: enough to find a server that runs. Throws config::Error.
config::Config load_config(const std::filesystem::path& file);

// What was understood, for `dync-server check`.
std::string describe(const Settings& settings);

}  // namespace dync::server
