#include <csignal>
#include <fcntl.h>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "proto/posix/naming.h"

namespace dync::posix {

bool nobody_writes(int fd) {
  // A writer who opens the file just now breaks the lease by a signal; SIGIO would kill us, SIGURG is
  // ignored.
  if (::fcntl(fd, F_SETSIG, SIGURG) != 0) fail("lease", path_of(fd));
  if (::fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
    if (::fcntl(fd, F_SETLEASE, F_UNLCK) != 0) fail("give back the lease of", path_of(fd));
    return true;
  }
  const Kind kind = kind_of(errno);
  if (kind == Kind::busy) return false;
  if (kind == Kind::unsupported || kind == Kind::denied) return true;
  fail("lease", path_of(fd));
}

}  // namespace dync::posix
