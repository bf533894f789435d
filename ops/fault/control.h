#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

// libdync-fault.so is preloaded by a test into programs: their calls that touch a home directory fail as they
// are told, what they sync is kept beside for the tree after a power cut, and the wall clock jumps. All
// processes of a test share one file DYNC_FAULT_DIR/control, which the test maps too (tests/e2e/fault.py
// writes the same layout). Without that variable or file nothing happens. sockets, eventfds and memory files
// are never touched.
namespace dync::fault {

// Numbers are bits of Control::kinds.
enum Kind : std::uint32_t {
  kOpen = 1U << 0U,
  kWrite = 1U << 1U,
  kSync = 1U << 2U,
  kRename = 1U << 3U,  // and link
  kMake = 1U << 4U,    // a directory
  kCut = 1U << 5U,     // ftruncate
  kAllocate = 1U << 6U,
  kRemove = 1U << 7U,
  kRead = 1U << 8U,
  kStream = 1U << 9U,  // fopen and fwrite, by which the log is written
};

enum Power : std::uint32_t {
  kIgnored = 0,
  kRecorded = 1,  // what is synced goes to DYNC_FAULT_DIR/durable
  kOff = 2,       // whoever syncs now waits for its SIGKILL
};

struct Control {
  std::atomic<std::uint32_t> kinds;     // which calls count; 0: none
  std::atomic<std::int32_t> error;      // the errno of one that fails
  std::atomic<std::uint64_t> at;        // which of them fails, from 1
  std::atomic<std::uint32_t> for_good;  // and all after it
  std::atomic<std::uint32_t> power;
  std::atomic<std::uint64_t> calls;       // that counted
  std::atomic<std::uint64_t> failures;    // each has its line in DYNC_FAULT_DIR/log
  std::atomic<std::uint64_t> sequence;    // of what was synced
  std::atomic<std::int64_t> clock_shift;  // ns; added to the wall clock
  std::atomic<std::uint64_t> unused;
  char program[64];  // only its calls count; empty: all programs'
  char home[512];    // only files below it are touched
  char prefix[512];  // only paths that begin so can fail
};
static_assert(sizeof(Control) == 64 + 64 + 512 + 512);

// Null if this process is left alone.
Control* control();
// The name of this process's program.
const char* program();
// Descriptor of DYNC_FAULT_DIR/durable, -1 if there is none.
int durable_directory();

// The call `name` on `path` is going to be made: counts it. True if it has to fail; errno is set then.
bool fails(Kind kind, const char* name, const std::string& path);
// The same for an open descriptor, and for a name below one. Only files and directories count.
bool fails(Kind kind, const char* name, int fd);
bool fails(Kind kind, const char* name, int directory, const char* path);

// The absolute path of a regular file or directory, empty for anything else. errno stays.
std::string path_of(int fd);
std::string path_of(int directory, const char* path);

// The calls that lie behind ours, by number (syscall(2)): nothing here runs through what is interposed.
long real(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0);
template <typename Pointer>
long word(Pointer* pointer) {
  return reinterpret_cast<long>(pointer);
}
// The next definition of a function, in libc as a rule.
void* next(const char* name);

// Power: syncs the file or directory, or keeps what is durable now instead. 0, or -1 with errno.
int sync(int fd, long number);

}  // namespace dync::fault
