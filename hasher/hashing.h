#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <variant>

#include "proto/digest/sha256.h"
#include "proto/ipc/messages.h"
#include "proto/ipc/shared_memory.h"
#include "proto/posix/fd.h"

namespace dync::hasher {

using Clock = std::chrono::steady_clock;

// Opens an upload's staged file for reading. Throws posix::Error.
using OpenStaged = std::function<posix::Fd(const wire::Id&)>;

// What the committer is told about an upload, once.
using Outcome = std::variant<ipc::Verdict, ipc::Unreadable>;

// The running SHA-256 of one upload in one epoch, from a checkpoint or from the file's start. It grows only
// at its end: from a slot that a hint names, if the hint begins right there, else from the staged file up to
// the written mark. A hint may be late, lost, or stale; nothing but speed depends on it. No sockets: memory
// and a file.
class Hashing {
 public:
  // Begin's mark must be one of the memory's.
  Hashing(const ipc::SharedMemory& memory, const ipc::Begin& begin, Clock::time_point now);

  std::uint32_t epoch() const noexcept { return begin_.epoch; }
  // Bytes in the digest.
  std::uint64_t position() const noexcept { return digest_.length(); }

  // All ignore messages of another epoch.
  void hint(const ipc::Chunk& chunk, Clock::time_point now);
  // An offset that the digest has passed is planned in vain.
  void plan(const ipc::Plan& plan);
  void end(const ipc::End& end);

  // The receiver has begun another epoch or given the mark back: nobody waits for this one any more.
  bool is_over() const;
  // True if turn() would do something now.
  bool has_work(Clock::time_point now) const;
  // Hashes at most about limits::kHashShare, with `buffer` for what comes from the file. Returns the bytes.
  // Throws posix::Error if the file can't be opened for want of descriptors or memory: try again later.
  std::size_t turn(const OpenStaged& open, std::span<std::byte> buffer, Clock::time_point now);

  const std::optional<Outcome>& outcome() const noexcept { return outcome_; }
  // At the last planned offset that the digest came to.
  const std::optional<ipc::Checkpoint>& checkpoint() const noexcept { return checkpoint_; }
  // The whole file was hashed once more, because the first digest was not the client's.
  bool was_confirmed() const noexcept { return confirming_; }

 private:
  std::uint64_t written() const;
  // Adds them to the digest. Returns its state at the planned offset if they reach it.
  std::optional<digest::Midstate> absorb(std::span<const std::byte> bytes);
  void passed(const std::optional<digest::Midstate>& state);
  bool hint_fits() const;
  bool hash_hint();
  std::size_t hash_hints(std::size_t most);
  void drop_hints_behind();

  std::uint64_t file_target(Clock::time_point now) const;
  std::size_t hash_file(const OpenStaged& open, std::span<std::byte> buffer, std::uint64_t target);
  std::size_t read_pieces(int fd, std::span<std::byte> buffer, std::uint64_t target);
  void unreadable(const std::string& sentence);

  void advanced();
  bool is_complete() const;
  void conclude();

  const ipc::SharedMemory& memory_;
  ipc::Begin begin_;
  ipc::Mark& mark_;
  digest::Sha256 digest_;
  std::deque<ipc::Chunk> hints_;
  std::uint64_t stale_until_ = 0;  // a hint up to here named a slot that was gone
  Clock::time_point last_hint_;
  std::optional<ipc::End> end_;
  std::optional<std::uint64_t> planned_;  // at or beyond the position
  std::optional<ipc::Checkpoint> checkpoint_;
  bool confirming_ = false;
  std::uint64_t from_slots_ = 0;
  std::uint64_t from_file_ = 0;
  std::optional<Outcome> outcome_;
};

}  // namespace dync::hasher
