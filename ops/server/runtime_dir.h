#pragma once

#include <filesystem>

#include "schema/config/config.h"

namespace dync::server {

using Path = std::filesystem::path;

// Where the workers' sockets live, 0750: the config's runtime_dir, or $RUNTIME_DIRECTORY (systemd), or else a
// temporary one of its own that goes with this object.
class RuntimeDir {
 public:
  // Throws config::Error if a socket's path would not fit into a socket address, or posix::Error.
  explicit RuntimeDir(const config::Config& config);
  RuntimeDir(const RuntimeDir&) = delete;
  RuntimeDir& operator=(const RuntimeDir&) = delete;
  ~RuntimeDir();

  const Path& path() const noexcept { return path_; }

 private:
  Path path_;
  bool temporary_ = false;
};

// Removes a temporary one that a crashed server left behind; any other directory stays.
void remove_left_behind(const Path& runtime_dir);

// The longest of the sockets' paths must have at most 107 bytes (sockaddr_un). Throws config::Error.
void check_socket_paths(const config::Config& config, const Path& runtime_dir);

}  // namespace dync::server
