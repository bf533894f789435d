#include "ops/server/launch.h"

#include <cstdio>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "proto/posix/process.h"
#include "proto/service/worker.h"

namespace dync::server {
namespace {

[[noreturn]] void wait_for(pid_t child, int ready) {
  char word = 0;
  ssize_t got = 0;
  do got = ::read(ready, &word, 1);
  while (got < 0 && errno == EINTR);
  if (got == 1) ::_exit(service::kExitOk);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const posix::Exit end = posix::exit_of(status);
  if (end.signal != 0) std::fprintf(stderr, "dync-server: it ended at its start by %s\n", end.text().c_str());
  ::_exit(end.signal == 0 && end.code != 0 ? end.code : service::kExitFailed);
}

}  // namespace

Launch Launch::background() {
  auto [ours, theirs] = posix::make_pipe();
  const pid_t child = ::fork();
  if (child < 0) posix::fail("go to", "the background");
  if (child != 0) {
    theirs.reset();
    wait_for(child, ours.get());
  }
  if (::setsid() < 0) posix::fail("leave", "the terminal");
  if (::chdir("/") != 0) posix::fail("change to", "/");
  Launch launch;
  launch.background_ = true;
  launch.ready_ = std::move(theirs);
  return launch;
}

void Launch::ready() {
  if (!background_ || !ready_) return;
  const posix::Fd null = posix::open_file("/dev/null", O_RDWR);
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    if (::dup2(null.get(), fd) < 0) posix::fail("leave", "the terminal");
  posix::write_all(ready_.get(), "r");
  ready_.reset();
}

}  // namespace dync::server
