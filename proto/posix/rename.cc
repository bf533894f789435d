#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "proto/posix/naming.h"

namespace dync::posix {
namespace {

std::string both(int from_directory, const std::string& from, int to_directory, const std::string& to) {
  return path_of(from_directory, from) + " to " + path_of(to_directory, to);
}

bool same(const std::optional<FileInfo>& one, const FileInfo& other) {
  return one && one->device == other.device && one->inode == other.inode;
}

}  // namespace

void rename_no_replace(int from_directory, const std::string& from, int to_directory, const std::string& to) {
  require_plain(from);
  require_plain(to);
  if (::renameat2(from_directory, from.c_str(), to_directory, to.c_str(), RENAME_NOREPLACE) == 0) return;
  if (kind_of(errno) != Kind::unsupported) fail("rename", both(from_directory, from, to_directory, to));
  rename_by_link(from_directory, from, to_directory, to);
}

void rename_by_link(int from_directory, const std::string& from, int to_directory, const std::string& to) {
  const auto names = [&] { return both(from_directory, from, to_directory, to); };
  const auto source = find_at(from_directory, from);
  if (!source) throw Error(ENOENT, "rename", names());
  const auto target = find_at(to_directory, to);
  const bool directory = source->type == FileType::directory;
  // A crash between link and unlink leaves both names on one file.
  const bool linked = !directory && same(target, *source);
  if (target && !linked) throw Error(EEXIST, "rename", names());
  if (directory) {
    if (::renameat(from_directory, from.c_str(), to_directory, to.c_str()) != 0) fail("rename", names());
    return;
  }
  if (!linked && ::linkat(from_directory, from.c_str(), to_directory, to.c_str(), 0) != 0)
    fail("rename", names());
  if (::unlinkat(from_directory, from.c_str(), 0) != 0) fail("remove", path_of(from_directory, from));
}

}  // namespace dync::posix
