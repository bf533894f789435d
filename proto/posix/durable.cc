#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "proto/posix/naming.h"

namespace dync::posix {

void sync_data(int fd) {
  if (retried([&] { return ::fdatasync(fd); }) != 0) fail("sync", path_of(fd));
}

void sync_all(int fd) {
  if (retried([&] { return ::fsync(fd); }) != 0) fail("sync", path_of(fd));
}

void sync_directory(const Path& path) {
  sync_all(open_directory(path).get());
}

void make_directory_at(int directory, const std::string& name, mode_t mode) {
  require_plain(name);
  if (::mkdirat(directory, name.c_str(), mode) != 0) fail("make the directory", path_of(directory, name));
}

void write_file_at(int directory, const std::string& name, std::string_view content, mode_t mode) {
  const Fd file = open_at(directory, name, O_WRONLY | O_CREAT | O_TRUNC, mode);
  write_all(file.get(), content);
  sync_all(file.get());
}

void replace_file(const Path& path, std::string_view content, mode_t mode) {
  const Path parent = path.has_parent_path() ? path.parent_path() : Path(".");
  const Fd directory = open_directory(parent);
  const std::string name = path.filename().native();
  require_plain(name);
  const std::string fresh = "." + name + "." + std::to_string(::getpid()) + ".new";
  try {
    write_file_at(directory.get(), fresh, content, mode);
    if (::renameat(directory.get(), fresh.c_str(), directory.get(), name.c_str()) != 0)
      fail("replace", path.native());
  } catch (const Error&) {
    ::unlinkat(directory.get(), fresh.c_str(), 0);
    throw;
  }
  sync_all(directory.get());
}

}  // namespace dync::posix
