#include "untar/sandbox.h"

#include <algorithm>
#include <csignal>
#include <limits>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/fd.h"

namespace dync::untar {
namespace {

// linux/landlock.h of Debian 12 knows ABI 2; the kernel may know more.
struct Ruleset {
  std::uint64_t files;
  std::uint64_t network;  // since ABI 4
};
constexpr std::uint64_t kFilesAbi1 = (1ULL << 13U) - 1;
constexpr std::uint64_t kRefer = 1ULL << 13U;     // ABI 2
constexpr std::uint64_t kTruncate = 1ULL << 14U;  // ABI 3
constexpr std::uint64_t kIoctl = 1ULL << 15U;     // ABI 5
constexpr std::uint64_t kBindAndConnect = 3;      // ABI 4
constexpr std::uint64_t kNeeded = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                                  LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                  LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG;

void limit(int resource, rlim_t value, const char* name) {
  rlimit now{};
  if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &now) != 0)
    posix::fail("read the limit of", name);
  const rlim_t most = std::min(value, now.rlim_max);
  const rlimit wanted{most, most};
  if (::setrlimit(static_cast<__rlimit_resource_t>(resource), &wanted) != 0) posix::fail("limit", name);
}

void set_limits(std::uint64_t max_bytes) {
  constexpr rlim_t kSeconds = 60;
  constexpr rlim_t kBytesPerSecond = 10UL * 1024 * 1024;  // zlib and a slow CPU
  constexpr rlim_t kDescriptors = 64;
  limit(RLIMIT_CPU, kSeconds + max_bytes / kBytesPerSecond, "CPU time");
  limit(RLIMIT_FSIZE, std::max<rlim_t>(max_bytes, 64UL * 1024), "file size");  // the report is a file too
  limit(RLIMIT_NOFILE, kDescriptors, "descriptors");
  limit(RLIMIT_CORE, 0, "core files");
#ifndef DYNC_SANITIZED
  constexpr rlim_t kMemory = 512UL * 1024 * 1024;
  limit(RLIMIT_AS, kMemory, "memory");
#endif
  // A write above the limit shall be an error and not a death.
  if (std::signal(SIGXFSZ, SIG_IGN) == SIG_ERR) posix::fail("ignore", "SIGXFSZ");
}

std::uint64_t known_file_rights(long abi) {
  return kFilesAbi1 | (abi >= 2 ? kRefer : 0) | (abi >= 3 ? kTruncate : 0) | (abi >= 5 ? kIoctl : 0);
}

void enter_landlock(int directory) {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) return;  // the kernel has none
  const Ruleset handled{known_file_rights(abi), abi >= 4 ? kBindAndConnect : 0};
  const std::size_t size = abi >= 4 ? sizeof handled : sizeof handled.files;
  const posix::Fd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, size, 0)));
  if (!ruleset) posix::fail("make", "a Landlock ruleset");
  landlock_path_beneath_attr beneath{};
  beneath.allowed_access = kNeeded;
  beneath.parent_fd = directory;
  if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0) {
    posix::fail("add", "a Landlock rule");
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) posix::fail("enter", "Landlock");
}

}  // namespace

void enter_sandbox(int directory, std::uint64_t max_bytes) {
  // Nobody would hear the end of an archive whose supervisor was killed.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) posix::fail("set", "the parent's death signal");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) posix::fail("set", "no_new_privs");
  set_limits(max_bytes);
  enter_landlock(directory);
}

}  // namespace dync::untar
