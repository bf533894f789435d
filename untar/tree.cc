#include "untar/tree.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/file.h"

namespace dync::untar {
namespace {

constexpr mode_t kFileMode = 0640;
constexpr mode_t kDirectoryMode = 0750;

}  // namespace

posix::Fd Tree::open(const std::string& path, std::uint64_t flags, std::uint64_t mode) const {
  open_how how{};
  how.flags = flags | O_CLOEXEC | O_NOFOLLOW;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, root_, path.c_str(), &how, sizeof how);
  if (fd < 0) posix::fail("open", path);
  return posix::Fd(static_cast<int>(fd));
}

// mkdirat has no way to say "beneath", so the parent is opened that way first.
void Tree::make_directory(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const bool at_root = slash == std::string::npos;
  const posix::Fd parent = open(at_root ? "." : path.substr(0, slash), O_PATH | O_DIRECTORY, 0);
  posix::make_directory_at(parent.get(), at_root ? path : path.substr(slash + 1), kDirectoryMode);
  directories_.push_back(path);
}

Tree::File Tree::make_file(const std::string& path) {
  return {open(path, O_WRONLY | O_CREAT | O_EXCL, kFileMode), path};
}

void Tree::File::write(std::span<const std::byte> data) {
  posix::write_at(fd_.get(), data, bytes_);
  bytes_ += data.size();
}

void Tree::File::finish(std::int64_t mtime_seconds) {
  const std::array<timespec, 2> times = {timespec{0, UTIME_OMIT}, timespec{mtime_seconds, 0}};
  if (::futimens(fd_.get(), times.data()) != 0) posix::fail("set the time of", path_);
  posix::sync_all(fd_.get());
  fd_.reset();
}

void Tree::sync() {
  for (const std::string& path : directories_) posix::sync_all(open(path, O_RDONLY | O_DIRECTORY, 0).get());
  posix::sync_all(root_);
}

void Tree::clear() {
  std::vector<std::string> entries;
  posix::each_entry(root_, [&](const std::string& name) { entries.push_back(name); });
  for (const std::string& name : entries) posix::remove_tree_at(root_, name);
}

}  // namespace dync::untar
