#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "proto/posix/process.h"
#include "tests/unit/posix/kind_of_failure.h"

namespace dync::posix {
namespace {

Exit wait_for(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return exit_of(status);
}

// A child that lives until its test is over, seen through /proc.
class Sleeper {
 public:
  explicit Sleeper(const std::vector<PassedFd>& passed)
      : pid_(spawn("/bin/sleep", {"sleep", "100"}, passed)) {}
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() {
    ::kill(pid_, SIGKILL);
    wait_for(pid_);
  }
  std::vector<int> descriptors() const {
    std::vector<int> fds;
    each_entry(proc("fd"), [&](const std::string& name) { fds.push_back(std::stoi(name)); });
    return fds;
  }
  Path target(int fd) const { return std::filesystem::read_symlink(proc("fd") / std::to_string(fd)); }
  // A mask of /proc/PID/status, without 32 and 33, which the C library keeps for itself.
  std::uint64_t signals(const std::string& label) const {
    const std::string text = read_file(proc("status"), 100'000);
    return std::stoull(text.substr(text.find(label) + label.size()), nullptr, 16) & ~(std::uint64_t{3} << 31);
  }

 private:
  Path proc(const char* name) const { return Path("/proc") / std::to_string(pid_) / name; }
  pid_t pid_;
};

Path own_target(int fd) {
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd));
}

TEST(Spawn, PassesExactlyTheNamedDescriptors) {
  const auto [out, in] = make_pipe();
  const Fd event = make_event();
  // What somebody opened without close-on-exec, in the gap and above.
  const Fd leak(::dup(in.get()));
  const Fd high(::fcntl(in.get(), F_DUPFD, 500));
  const Sleeper child({{out.get(), 3}, {event.get(), 6}});
  // Its loader may have a library open for a moment.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (child.descriptors().size() > 5 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_THAT(child.descriptors(), testing::UnorderedElementsAre(0, 1, 2, 3, 6));
  EXPECT_EQ(child.target(3), own_target(out.get()));
  EXPECT_EQ(child.target(6), own_target(event.get()));
}

TEST(Spawn, NumbersMayCross) {
  const auto [out, in] = make_pipe();
  const Fd event = make_event();
  const Sleeper child({{out.get(), event.get()}, {event.get(), out.get()}, {in.get(), in.get()}});
  EXPECT_EQ(child.target(event.get()), own_target(out.get()));
  EXPECT_EQ(child.target(out.get()), own_target(event.get()));
  EXPECT_EQ(child.target(in.get()), own_target(in.get()));
}

TEST(Spawn, TheChildHasFreshSignals) {
  sigset_t old;
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &old);
  const auto old_handler = ::signal(SIGPIPE, SIG_IGN);
  {
    const Sleeper child({});
    EXPECT_EQ(child.signals("SigBlk:"), 0U);
    EXPECT_EQ(child.signals("SigIgn:"), 0U);
  }
  ::signal(SIGPIPE, old_handler);
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

TEST(Spawn, TellsHowTheChildEnded) {
  EXPECT_EQ(wait_for(spawn("/bin/sh", {"sh", "-c", "exit 3"}, {})).text(), "exit 3");
  const Exit killed = wait_for(spawn("/bin/sh", {"sh", "-c", "kill -9 $$"}, {}));
  EXPECT_EQ(killed.text(), "signal 9 (Killed)");
  EXPECT_EQ(killed.signal, 9);
}

TEST(Spawn, AMissingProgramIsAnError) {
  EXPECT_EQ(failure_of([] { spawn("/nowhere/dync-receiver", {"dync-receiver"}, {}); }), Kind::not_found);
}

}  // namespace
}  // namespace dync::posix
