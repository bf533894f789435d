#include "schema/run_file/run_file.h"

#include <ctime>
#include <fcntl.h>
#include <nlohmann/json.hpp>

#include "proto/posix/error.h"
#include "proto/posix/file.h"

namespace dync::run_file {
namespace {

constexpr std::size_t kMost = 16384;  // bytes; far more than any server writes

}  // namespace

std::string format(const Running& running) {
  const nlohmann::ordered_json object{{"pid", running.pid},
                                      {"runtime_dir", running.runtime_dir},
                                      {"address", running.address},
                                      {"started_at", running.started_at},
                                      {"started_boot", running.started_boot}};
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::optional<Running> parse(std::string_view text) {
  const auto object = nlohmann::json::parse(text, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  try {
    return Running{object.at("pid").get<pid_t>(), object.at("runtime_dir").get<std::string>(),
                   object.at("address").get<std::string>(), object.at("started_at").get<std::string>(),
                   object.at("started_boot").get<std::int64_t>()};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

std::optional<pid_t> holder_of(int fd) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd, F_GETLK, &lock) != 0) posix::fail("ask for the lock of", "the run file");
  if (lock.l_type == F_UNLCK) return std::nullopt;
  return lock.l_pid;
}

std::optional<Running> find(const Path& file) {
  posix::Fd fd;
  try {
    fd = posix::open_file(file, O_RDONLY);
  } catch (const posix::Error& error) {
    if (error.kind() == posix::Kind::not_found) return std::nullopt;
    throw;
  }
  const auto holder = holder_of(fd.get());
  if (!holder) return std::nullopt;
  Running running = parse(posix::read_file(fd.get(), file.native(), kMost)).value_or(Running{});
  // A holder in another pid namespace has no number here; the file's own is the best guess.
  if (*holder > 0) running.pid = *holder;
  return running;
}

std::int64_t boot_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec;
}

}  // namespace dync::run_file
