#include "proto/posix/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "proto/posix/error.h"
#include "proto/posix/naming.h"

namespace dync::posix {
namespace {

FileType type_of(mode_t mode) {
  if (S_ISREG(mode)) return FileType::regular;
  if (S_ISDIR(mode)) return FileType::directory;
  if (S_ISLNK(mode)) return FileType::symlink;
  return FileType::other;
}

FileInfo info_from(const struct stat& entry) {
  FileInfo info{};
  info.type = type_of(entry.st_mode);
  info.size = static_cast<std::uint64_t>(entry.st_size);
  info.taken = static_cast<std::uint64_t>(entry.st_blocks) * 512;
  info.mtime_ns = std::int64_t{entry.st_mtim.tv_sec} * 1'000'000'000 + entry.st_mtim.tv_nsec;
  info.device = entry.st_dev;
  info.inode = entry.st_ino;
  info.mode = entry.st_mode & mode_t{07777};
  return info;
}

std::optional<FileInfo> find_named(int directory, const std::string& name, const std::string& path) {
  struct stat entry {};
  if (::fstatat(directory, name.c_str(), &entry, AT_SYMLINK_NOFOLLOW) == 0) return info_from(entry);
  if (kind_of(errno) == Kind::not_found) return std::nullopt;
  fail("look at", path);
}

}  // namespace

Fd open_file(const Path& path, int flags, mode_t mode) {
  const int fd = retried([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
  if (fd < 0) fail("open", path.native());
  return Fd(fd);
}

Fd open_at(int directory, const std::string& name, int flags, mode_t mode) {
  require_plain(name);
  const int all = flags | O_CLOEXEC | O_NOFOLLOW;
  const int fd = retried([&] { return ::openat(directory, name.c_str(), all, mode); });
  if (fd < 0) fail("open", path_of(directory, name));
  return Fd(fd);
}

Fd open_directory(const Path& path) {
  return open_file(path, O_RDONLY | O_DIRECTORY);
}

Fd open_directory_at(int directory, const std::string& name) {
  return open_at(directory, name, O_RDONLY | O_DIRECTORY);
}

FileInfo info_of(int fd) {
  struct stat entry {};
  if (::fstat(fd, &entry) != 0) fail("look at", path_of(fd));
  return info_from(entry);
}

std::optional<FileInfo> find_at(int directory, const std::string& name) {
  require_plain(name);
  return find_named(directory, name, path_of(directory, name));
}

std::optional<FileInfo> find(const Path& path) {
  return find_named(AT_FDCWD, path.native(), path.native());
}

Path real_path(const Path& path) {
  std::error_code error;
  Path real = std::filesystem::weakly_canonical(path, error);
  if (error) throw Error(error.value(), "find the real path of", path.native());
  return real;
}

bool allocate_ahead(const Path& path, std::uint64_t bytes) {
  return allocate_ahead(open_file(path, O_RDWR).get(), bytes);
}

bool allocate_ahead(int fd, std::uint64_t bytes) noexcept {
  return ::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)) == 0;
}

Space space_of(const Path& path) {
  struct statvfs room {};
  if (retried([&] { return ::statvfs(path.c_str(), &room); }) != 0)
    fail("ask for the free space of", path.native());
  struct stat entry {};
  if (::stat(path.c_str(), &entry) != 0) fail("look at", path.native());
  return {std::uint64_t{room.f_bavail} * room.f_frsize, std::uint64_t{room.f_blocks} * room.f_frsize,
          entry.st_dev};
}

}  // namespace dync::posix
