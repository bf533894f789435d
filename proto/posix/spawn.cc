#include <algorithm>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/process.h"

namespace dync::posix {
namespace {

void check(int errnum, const Path& program) {
  if (errnum != 0) throw Error(errnum, "start", program.native());
}

// What the child does with its descriptors before exec.
class Actions {
 public:
  explicit Actions(const Path& program) : program_(program) {
    check(::posix_spawn_file_actions_init(&actions_), program_);
  }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  ~Actions() { ::posix_spawn_file_actions_destroy(&actions_); }

  void pass(const std::vector<PassedFd>& passed) {
    int last = STDERR_FILENO;
    for (const auto& fd : passed) last = std::max(last, fd.theirs);
    for (const auto& fd : passed) place(fd, last + 1);
    for (int fd = STDERR_FILENO + 1; fd < last; ++fd)
      if (std::ranges::none_of(passed, [fd](const auto& named) { return named.theirs == fd; }))
        check(::posix_spawn_file_actions_addclose(&actions_, fd), program_);
    check(::posix_spawn_file_actions_addclosefrom_np(&actions_, last + 1), program_);
  }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  // By way of a number above all named ones, so that no dup2 overwrites what a later one needs.
  void place(const PassedFd& fd, int above) {
    Fd copy(::fcntl(fd.ours, F_DUPFD_CLOEXEC, above));
    if (!copy) fail("pass a descriptor to", program_.native());
    check(::posix_spawn_file_actions_adddup2(&actions_, copy.get(), fd.theirs), program_);
    copies_.push_back(std::move(copy));
  }

  const Path& program_;
  posix_spawn_file_actions_t actions_{};
  std::vector<Fd> copies_;
};

class Attributes {
  static constexpr short kFlags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;

 public:
  explicit Attributes(const Path& program) {
    check(::posix_spawnattr_init(&attributes_), program);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    check(::posix_spawnattr_setsigmask(&attributes_, &none), program);
    check(::posix_spawnattr_setsigdefault(&attributes_, &all), program);
    check(::posix_spawnattr_setpgroup(&attributes_, 0), program);
    check(::posix_spawnattr_setflags(&attributes_, kFlags), program);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

}  // namespace

pid_t spawn(const Path& program, const std::vector<std::string>& arguments,
            const std::vector<PassedFd>& passed) {
  Actions actions(program);
  actions.pass(passed);
  const Attributes attributes(program);
  std::vector<std::string> words = arguments;
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  check(::posix_spawn(&child, program.c_str(), actions.get(), attributes.get(), pointers.data(), environ),
        program);
  return child;
}

Exit exit_of(int wait_status) {
  Exit end;
  if (WIFSIGNALED(wait_status)) end.signal = WTERMSIG(wait_status);
  if (WIFEXITED(wait_status)) end.code = WEXITSTATUS(wait_status);
  return end;
}

std::string Exit::text() const {
  if (signal == 0) return "exit " + std::to_string(code);
  const char* words = ::sigdescr_np(signal);
  return "signal " + std::to_string(signal) + " (" + (words ? words : "unknown") + ")";
}

}  // namespace dync::posix
