#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "proto/posix/fd.h"
#include "proto/posix/file.h"

namespace dync::posix {

// How a child gets its descriptors: `ours` becomes number `theirs` there. All others are closed at exec.
struct PassedFd {
  int ours;
  int theirs;
};

// Starts a program by posix_spawn with exactly the named descriptors, an empty signal mask and default
// signal handlers, in a process group of its own (a terminal's Ctrl-C reaches only the caller). 0, 1 and 2
// stay as they are unless they are named. `arguments[0]` is the program's name. Throws Error if it can't be
// started.
pid_t spawn(const Path& program, const std::vector<std::string>& arguments,
            const std::vector<PassedFd>& passed);

// How a process ended: an exit code, or the signal that killed it.
struct Exit {
  int code = 0;  // exit code, if signal is 0
  int signal = 0;
  std::string text() const;  // "exit 3", "signal 9 (Killed)"
};
Exit exit_of(int wait_status);

// Two connected SOCK_SEQPACKET sockets: a message arrives whole or not at all.
std::pair<Fd, Fd> packet_pair();
// Sends one packet of 1 byte to 64 KiB, with at most 8 descriptors. False if the queue is full or the peer is
// gone.
bool send_packet(int fd, std::span<const std::byte> packet, std::span<const int> passed = {});
// One packet, at most 64 KiB; its descriptors are appended to `passed`.
enum class Received { packet, nothing, closed };
Received receive_packet(int fd, std::string& packet, std::vector<Fd>& passed);

std::pair<Fd, Fd> make_pipe();

// Blocks `signals` in this thread and reads them from the returned descriptor.
Fd signal_fd(std::initializer_list<int> signals);
// The next pending signal, 0 if there is none.
int next_signal(int fd);

// An eventfd as a wake-up between threads.
Fd make_event();
void raise_event(int fd);
void clear_event(int fd);

// The path of the running program's own file, to find the others beside it.
Path own_program();
std::string boot_id();
void set_process_name(const char* name);
// Anonymous memory of this process in bytes (RssAnon).
std::size_t anonymous_memory();
// For this process and all that it starts from now on: as many descriptors as the hard limit allows.
void raise_descriptor_limit();
// 16 MiB allocations are kept instead of being mapped and unmapped for each message of 1 MiB.
void keep_large_allocations();

void random_bytes(std::span<std::byte> into);

// Wall-clock time for records and logs only: "2026-01-31T09:15:02.123Z". Timers use steady_clock.
std::string utc_now();
std::string utc_text(std::chrono::system_clock::time_point when);

}  // namespace dync::posix
