#include "ops/fault/control.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dync::fault {
namespace {

constexpr int kOwnDescriptors = 200;  // out of the way of those that a parent passes

struct Shared {
  Control* control = nullptr;
  int log = -1;
  int durable = -1;
};

int open_own(const std::string& path, long flags) {
  const long fd = real(SYS_openat, AT_FDCWD, word(path.c_str()), flags | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  const long moved = real(SYS_fcntl, fd, F_DUPFD_CLOEXEC, kOwnDescriptors);
  real(SYS_close, fd);
  return static_cast<int>(moved);
}

Shared open_shared() {
  Shared shared;
  const char* directory = std::getenv("DYNC_FAULT_DIR");
  if (directory == nullptr) return shared;
  const std::string base = directory;
  const int fd = open_own(base + "/control", O_RDWR);
  if (fd < 0) return shared;
  void* mapped = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  real(SYS_close, fd);
  if (mapped == MAP_FAILED) return shared;
  shared.control = static_cast<Control*>(mapped);
  shared.log = open_own(base + "/log", O_WRONLY | O_APPEND | O_CREAT);
  shared.durable = open_own(base + "/durable", O_RDONLY | O_DIRECTORY);
  return shared;
}

const Shared& shared() {
  static const Shared opened = open_shared();
  return opened;
}

// Before main: a sandbox may forbid it later.
[[gnu::constructor]] void begin() {
  shared();
}

bool begins_with(const std::string& path, const char* directory) {
  return std::strncmp(path.c_str(), directory, std::strlen(directory)) == 0;
}

void note(const char* name, const std::string& path, int error) {
  const std::string line = std::string(program()) + "[" + std::to_string(real(SYS_getpid)) + "] " + name +
                           " " + path + ": " + std::strerror(error) + "\n";
  real(SYS_write, shared().log, word(line.data()), static_cast<long>(line.size()));
}

bool may_count(Kind kind) {
  Control* control = fault::control();
  return control != nullptr && (control->kinds.load() & kind) != 0 &&
         (control->program[0] == 0 || std::strcmp(control->program, program()) == 0);
}

}  // namespace

Control* control() {
  return shared().control;
}

const char* program() {
  return ::program_invocation_short_name;
}

int durable_directory() {
  return shared().durable;
}

void* next(const char* name) {
  return ::dlsym(RTLD_NEXT, name);
}

long real(long number, long a, long b, long c, long d, long e, long f) {
  using Syscall = long (*)(long, ...);
  static const auto call = reinterpret_cast<Syscall>(next("syscall"));
  return call(number, a, b, c, d, e, f);
}

std::string path_of(int fd) {
  const int before = errno;
  struct stat info {};
  std::array<char, 4096> text{};
  long length = 0;
  if (::fstat(fd, &info) == 0 && (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    length = real(SYS_readlinkat, AT_FDCWD, word(link.c_str()), word(text.data()), text.size());
  }
  errno = before;
  return length > 0 ? std::string(text.data(), static_cast<std::size_t>(length)) : std::string();
}

std::string path_of(int directory, const char* path) {
  if (path == nullptr) return {};
  if (path[0] == '/' || directory == AT_FDCWD) return path;
  return path_of(directory) + "/" + path;
}

bool fails(Kind kind, const char* name, const std::string& path) {
  if (!may_count(kind)) return false;
  Control* control = fault::control();
  if (!begins_with(path, control->home) || !begins_with(path, control->prefix)) return false;
  const std::uint64_t call = control->calls.fetch_add(1) + 1;
  const std::uint64_t at = control->at.load();
  if (call != at && (control->for_good.load() == 0 || call < at)) return false;
  control->failures.fetch_add(1);
  const int error = control->error.load();
  note(name, path, error);
  errno = error;
  return true;
}

bool fails(Kind kind, const char* name, int fd) {
  return may_count(kind) && fails(kind, name, path_of(fd));
}

bool fails(Kind kind, const char* name, int directory, const char* path) {
  return may_count(kind) && fails(kind, name, path_of(directory, path));
}

}  // namespace dync::fault
