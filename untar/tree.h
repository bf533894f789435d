#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "proto/posix/fd.h"

namespace dync::untar {

// The tree that grows below one directory. Nothing that is there is ever opened or replaced, and no path
// leaves it: the kernel resolves each one beneath the directory, through no link and no mount. Throws
// posix::Error.
class Tree {
 public:
  // `root` stays the caller's.
  explicit Tree(int root) : root_(root) {}

  void make_directory(const std::string& path);

  // A file being written. finish() makes it durable.
  class File {
   public:
    File(posix::Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
    void write(std::span<const std::byte> data);
    std::uint64_t bytes() const noexcept { return bytes_; }
    void finish(std::int64_t mtime_seconds);

   private:
    posix::Fd fd_;
    std::string path_;
    std::uint64_t bytes_ = 0;
  };
  File make_file(const std::string& path);

  // Makes the directories durable, the root too.
  void sync();
  // Removes all that is below the root.
  void clear();

 private:
  posix::Fd open(const std::string& path, std::uint64_t flags, std::uint64_t mode) const;

  int root_;
  std::vector<std::string> directories_;
};

}  // namespace dync::untar
