#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "proto/ipc/shared_memory.h"
#include "proto/posix/fd.h"

// The other process of the stress test: it takes hints and reads the staged files as a hasher does, but
// compares each word with what must stand there instead of hashing it.
namespace dync::ipc::stress {

inline constexpr std::uint64_t kWord = sizeof(std::uint64_t);

// The word at `offset`. Different for each mark, epoch and offset, so that any mix-up is seen.
std::uint64_t pattern(std::uint32_t mark, std::uint32_t epoch, std::uint64_t offset);

// What the hashers saw, in memory that survives them.
struct Report {
  std::atomic<std::uint64_t> from_slots;   // bytes
  std::atomic<std::uint64_t> from_file;    // bytes
  std::atomic<std::uint64_t> stale;        // slots that were another generation before reading
  std::atomic<std::uint64_t> torn;         // slots that changed while they were read
  std::atomic<std::uint64_t> wrong_slots;  // what must never happen: a slot taken for good with other bytes
  std::atomic<std::uint64_t> wrong_files;  // the same for the written part of a file
};

struct Hasher {
  const SharedMemory& memory;
  const std::vector<posix::Fd>& files;  // by mark
  Report& report;
  int hints;  // packets with Begin and Chunk
};

// Runs until it is killed or the other end of `hints` is closed.
void run(const Hasher& hasher, std::uint64_t seed);

}  // namespace dync::ipc::stress
