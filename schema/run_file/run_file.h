#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

// LEDGER.run: what a running server tells about itself, as one JSON object. The server holds a write lock
// (fcntl(2), F_SETLK) on the file for as long as it lives, so a file that a crash left behind deceives
// nobody.
namespace dync::run_file {

using Path = std::filesystem::path;

struct Running {
  pid_t pid = 0;
  std::string runtime_dir;        // empty, as is all below: the server is still starting
  std::string address;            // the receiver's bound endpoint
  std::string started_at;         // RFC 3339 UTC
  std::int64_t started_boot = 0;  // seconds on CLOCK_BOOTTIME, which no change of the clock moves

  bool operator==(const Running&) const = default;
};

std::string format(const Running& running);
std::optional<Running> parse(std::string_view text);

// The server that holds `file` now; nothing if none does, whatever the file says.
// Throws posix::Error if the file can't be read.
std::optional<Running> find(const Path& file);

// Seconds on CLOCK_BOOTTIME.
std::int64_t boot_seconds();

// The process that holds a write lock on the open file, if any.
std::optional<pid_t> holder_of(int fd);

}  // namespace dync::run_file
