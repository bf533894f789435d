#include "ops/server/runtime_dir.h"

#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "schema/names/names.h"

namespace dync::server {
namespace {

constexpr std::size_t kMostSocketPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr mode_t kMode = 0750;
constexpr std::string_view kTemporary = "dync-XXXXXX";  // mkdtemp(3)

void set_mode(const Path& path) {
  if (::chmod(path.c_str(), kMode) != 0) posix::fail("set the mode of", path.native());
}

// One that exists may be anybody's: its mode is never changed, only refused.
void use_configured(const config::Config& config) {
  const Path& path = *config.runtime_dir;
  if (::mkdir(path.c_str(), kMode) == 0) return set_mode(path);
  if (errno != EEXIST) posix::fail("make the runtime directory", path.native());
  const auto info = posix::find(path);
  if (!info || info->type != posix::FileType::directory)
    throw config::Error(config.file, 0, "runtime_dir", path.native() + " is no directory");
  if ((info->mode & ~kMode) != 0)
    throw config::Error(
        config.file, 0, "runtime_dir",
        path.native() + " is open to other users; give it mode 0750, or name one that is not there yet");
}

Path make_temporary() {
  std::string name = (std::filesystem::temp_directory_path() / kTemporary).native();
  if (::mkdtemp(name.data()) == nullptr) posix::fail("make the runtime directory", name);
  set_mode(name);
  return name;
}

// systemd gives a list, separated by colons, if the unit names several.
Path from_systemd() {
  const char* given = std::getenv("RUNTIME_DIRECTORY");
  const std::string list = given == nullptr ? "" : given;
  return list.substr(0, list.find(':'));
}

}  // namespace

void check_socket_paths(const config::Config& config, const Path& runtime_dir) {
  const Path last_hasher = names::hasher_socket(runtime_dir, config.workers.hashers - 1);
  for (const Path& socket :
       {names::committer_socket(runtime_dir), names::admin_socket(runtime_dir), last_hasher}) {
    const std::size_t length = socket.native().size();
    if (length <= kMostSocketPath) continue;
    throw config::Error(config.file, 0, "runtime_dir",
                        "the socket " + socket.native() + " has a path of " + std::to_string(length) +
                            " bytes, more than the " + std::to_string(kMostSocketPath) +
                            " that a socket can have; name a shorter directory");
  }
}

void remove_left_behind(const Path& runtime_dir) {
  const std::string name = runtime_dir.filename().native();
  const std::string_view prefix = kTemporary.substr(0, kTemporary.find('X'));
  if (runtime_dir.parent_path() != std::filesystem::temp_directory_path()) return;
  if (name.size() != kTemporary.size() || !name.starts_with(prefix)) return;
  std::error_code ignored;  // as below
  std::filesystem::remove_all(runtime_dir, ignored);
}

RuntimeDir::RuntimeDir(const config::Config& config) {
  if (config.runtime_dir) {
    path_ = *config.runtime_dir;
    use_configured(config);
  } else if (path_ = from_systemd(); !path_.empty()) {
    set_mode(path_);
  } else {
    path_ = make_temporary();
    temporary_ = true;
  }
  try {
    check_socket_paths(config, path_);
  } catch (...) {
    std::error_code ignored;
    if (temporary_) std::filesystem::remove(path_, ignored);
    throw;
  }
}

RuntimeDir::~RuntimeDir() {
  std::error_code ignored;  // only sockets lie there; what can't be removed is in nobody's way
  if (temporary_) std::filesystem::remove_all(path_, ignored);
}

}  // namespace dync::server
