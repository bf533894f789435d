#include <csignal>
#include <cstdint>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/naming.h"
#include "proto/posix/process.h"

namespace dync::posix {

Fd signal_fd(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  if (error != 0) throw Error(error, "block", "signals");
  Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) fail("make", "a signal descriptor");
  return fd;
}

int next_signal(int fd) {
  signalfd_siginfo info{};
  const auto got = retried([&] { return ::read(fd, &info, sizeof(info)); });
  if (got == static_cast<ssize_t>(sizeof(info))) return static_cast<int>(info.ssi_signo);
  if (got < 0 && errno != EAGAIN) fail("read", path_of(fd));
  return 0;
}

Fd make_event() {
  Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) fail("make", "an event descriptor");
  return fd;
}

void raise_event(int fd) {
  const std::uint64_t one = 1;
  // EAGAIN: the counter is full, so the event is raised already.
  if (retried([&] { return ::write(fd, &one, sizeof(one)); }) < 0 && errno != EAGAIN)
    fail("raise", path_of(fd));
}

void clear_event(int fd) {
  std::uint64_t count = 0;
  if (retried([&] { return ::read(fd, &count, sizeof(count)); }) < 0 && errno != EAGAIN)
    fail("clear", path_of(fd));
}

}  // namespace dync::posix
