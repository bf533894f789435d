#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

// Where an upload's next checkpoint is, and when it is due. Pure.
namespace dync::receiver {

using Time = std::chrono::steady_clock::time_point;

struct CheckpointTerms {
  std::uint64_t every = 0;       // bytes between two
  std::chrono::seconds pause{};  // on a slow link one is planned after so long
};

// At most one is open. An offset is a multiple of SHA-256's block and of the session's chunk size, so that an
// original's staged length, which is cut to a multiple of the latter, never falls below it.
class CheckpointPlan {
 public:
  CheckpointPlan() = default;
  // `last`: offset of the checkpoint that there is, 0 for none.
  CheckpointPlan(const CheckpointTerms& terms, std::uint32_t chunk_size, std::uint64_t last, Time now);

  // A new offset if there is one now, for the hasher to hear before anything beyond it. `taken` bytes came.
  // After half of the way, so that a small upload has none.
  std::optional<std::uint64_t> after_bytes(std::uint64_t taken);
  // The same where bytes come slowly, asked about each second. Also gives up an open one that the hasher has
  // passed long ago: it did not hear of it in time.
  std::optional<std::uint64_t> after_time(std::uint64_t taken, std::uint64_t hashed, Time now);

  const std::optional<std::uint64_t>& open() const noexcept { return open_; }
  // The open one is to be synced now, as so many bytes are written.
  bool is_due(std::uint64_t written) const noexcept { return open_ && !synced_at_ && written >= *open_; }
  void synced(Time now) { synced_at_ = now; }
  // The ledger has this one.
  void recorded(std::uint64_t offset, Time now);

 private:
  std::uint64_t round_up(std::uint64_t bytes) const;
  std::optional<std::uint64_t> plan(std::uint64_t offset);

  CheckpointTerms terms_;
  std::uint64_t unit_ = 1;
  std::uint64_t last_ = 0;
  Time last_at_;
  std::optional<std::uint64_t> open_;
  std::optional<Time> synced_at_;  // of the open one
};

}  // namespace dync::receiver
