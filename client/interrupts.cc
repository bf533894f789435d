#include "client/interrupts.h"

#include <csignal>
#include <pthread.h>
#include <string_view>
#include <unistd.h>

#include "proto/posix/process.h"

namespace dync::client {

namespace {

constexpr std::string_view kSentence = "dync: interrupted\n";

// Only what signal-safety(7) allows.
void end_now(int) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kSentence.data(), kSentence.size());
  ::_exit(kExitInterrupted);
}

sigset_t both() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGINT);
  ::sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

Interrupts::Interrupts() : signals_(posix::signal_fd({SIGINT, SIGTERM})) {
  struct sigaction action {};
  action.sa_handler = end_now;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool Interrupts::take() {
  return posix::next_signal(signals_.get()) != 0;
}

void Interrupts::at_once(bool enable) {
  const sigset_t set = both();
  ::pthread_sigmask(enable ? SIG_UNBLOCK : SIG_BLOCK, &set, nullptr);
}

}  // namespace dync::client
