#include "ops/server/held_file.h"

#include <cerrno>
#include <fcntl.h>
#include <span>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "schema/limits/limits.h"
#include "schema/run_file/run_file.h"

namespace dync::server {
namespace {

bool lock(int fd, const Path& file) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd, F_SETLK, &lock) == 0) return true;
  if (errno != EACCES && errno != EAGAIN) posix::fail("lock", file.native());
  return false;
}

// Its last holder may have removed it between our open and our lock.
bool still_there(int fd, const Path& file) {
  const auto named = posix::find(file);
  const auto held = posix::info_of(fd);
  return named && named->inode == held.inode && named->device == held.device;
}

}  // namespace

Held::Held(const Path& file, pid_t by)
    : std::runtime_error("a dync-server is running already" +
                         (by > 0 ? " (pid " + std::to_string(by) + ")" : "") + ": it holds " + file.native() +
                         "; stop it first, or use another config") {}

HeldFile::HeldFile(const Path& file, mode_t mode) : file_(file) {
  do {
    fd_ = posix::open_file(file, O_RDWR | O_CREAT | O_NOFOLLOW, mode);
    if (!lock(fd_.get(), file)) throw Held(file, run_file::holder_of(fd_.get()).value_or(0));
  } while (!still_there(fd_.get(), file));
  left_behind_ = posix::read_file(fd_.get(), file.native(), limits::kMiB);
  if (::ftruncate(fd_.get(), 0) != 0) posix::fail("empty", file.native());
  // Who may read it is part of the file's contract, whatever the umask.
  if (::fchmod(fd_.get(), mode) != 0) posix::fail("set the mode of", file.native());
}

HeldFile::~HeldFile() {
  if (fd_) ::unlink(file_.c_str());
}

void HeldFile::write(std::string_view content) {
  posix::write_at(fd_.get(), std::as_bytes(std::span(content)), 0);
}

}  // namespace dync::server
