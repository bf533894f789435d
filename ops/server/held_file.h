#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "proto/posix/fd.h"

namespace dync::server {

using Path = std::filesystem::path;

// Another process holds the file.
class Held : public std::runtime_error {
 public:
  Held(const Path& file, pid_t by);
};

// A file that one process holds by a lock while it lives (pidfile, run file). Empty until it is written; what
// a crash left in it is gone as soon as it is held. The lock belongs to the process: open it nowhere else.
class HeldFile {
 public:
  // Throws Held, or posix::Error.
  HeldFile(const Path& file, mode_t mode);
  HeldFile(const HeldFile&) = delete;
  HeldFile& operator=(const HeldFile&) = delete;
  ~HeldFile();  // removes the file

  void write(std::string_view content);
  // What the file held when it was taken: a holder that crashed could not remove it.
  const std::string& left_behind() const noexcept { return left_behind_; }

 private:
  Path file_;
  posix::Fd fd_;
  std::string left_behind_;
};

}  // namespace dync::server
