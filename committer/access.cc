#include "committer/access.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/file.h"

namespace dync::committer {
namespace {

constexpr mode_t kNoExecution = 0666;
constexpr uid_t kSameOwner = static_cast<uid_t>(-1);

}  // namespace

// The group first: a file must not be open for a moment to the group that it had.
void give_access(int fd, const std::string& name, Kind kind, const rules::Access& access) {
  if (access.group && ::fchown(fd, kSameOwner, *access.group) != 0)
    posix::fail("give to group " + std::to_string(*access.group), name);
  if (!access.mode) return;
  const mode_t mode = kind == Kind::directory ? *access.mode : *access.mode & kNoExecution;
  if (::fchmod(fd, mode) != 0) posix::fail("set the mode of", name);
}

void give_file_access(int directory, const std::string& name, const rules::Access& access) {
  if (access == rules::Access{}) return;
  const posix::Fd file = posix::open_at(directory, name, O_RDONLY | O_NONBLOCK);
  give_access(file.get(), name, Kind::file, access);
  posix::sync_all(file.get());
}

}  // namespace dync::committer
