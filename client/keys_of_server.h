#pragma once

#include <filesystem>
#include <string>
#include <variant>

#include "client/options.h"
#include "proto/transport/socket.h"

namespace dync::client {

struct ClientKeys {
  transport::CurveClient curve;
  std::string secret_file;  // where they came from, for sentences
  std::string server_file;
};

struct KeyProblem {
  std::string sentence;
};

// ~/.dync, or what --config-dir says.
std::variant<std::filesystem::path, KeyProblem> config_dir(const Options& options);

// The client's own key pair, and the server's public key: known_servers/HOST_PORT.key, else server.key.
std::variant<ClientKeys, KeyProblem> load_keys(const std::filesystem::path& dir, const ServerAddress& server);

}  // namespace dync::client
