#include "proto/posix/fd.h"

#include <unistd.h>

namespace dync::posix {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) reset(other.release());
  return *this;
}

Fd::~Fd() {
  reset();
}

// An error of close tells nothing here: who needs the data on disk has synced it before.
void Fd::reset(int fd) noexcept {
  const int old = std::exchange(fd_, fd);
  if (old >= 0) ::close(old);
}

}  // namespace dync::posix
