#include "receiver/checkpoint_plan.h"

#include <algorithm>
#include <numeric>

#include "proto/digest/sha256.h"

namespace dync::receiver {

CheckpointPlan::CheckpointPlan(const CheckpointTerms& terms, std::uint32_t chunk_size, std::uint64_t last,
                               Time now)
    : terms_(terms),
      unit_(std::lcm(digest::kBlockBytes, std::uint64_t{std::max<std::uint32_t>(chunk_size, 1)})),
      last_(last),
      last_at_(now) {}

std::optional<std::uint64_t> CheckpointPlan::after_bytes(std::uint64_t taken) {
  if (open_ || taken - last_ < terms_.every / 2) return std::nullopt;
  return plan(round_up(std::max(last_ + terms_.every, taken)));
}

std::optional<std::uint64_t> CheckpointPlan::after_time(std::uint64_t taken, std::uint64_t hashed, Time now) {
  if (synced_at_ && hashed >= *open_ && now - *synced_at_ >= terms_.pause) {
    open_.reset();
    synced_at_.reset();
  }
  if (synced_at_ || now - last_at_ < terms_.pause || taken <= last_) return std::nullopt;
  const std::uint64_t next = round_up(taken);
  if (open_ && next >= *open_) return std::nullopt;
  return plan(next);
}

void CheckpointPlan::recorded(std::uint64_t offset, Time now) {
  if (offset < last_) return;
  last_ = offset;
  last_at_ = now;
  if (!open_ || *open_ > offset) return;
  open_.reset();
  synced_at_.reset();
}

std::uint64_t CheckpointPlan::round_up(std::uint64_t bytes) const {
  return (bytes + unit_ - 1) / unit_ * unit_;
}

std::optional<std::uint64_t> CheckpointPlan::plan(std::uint64_t offset) {
  open_ = offset;
  return offset;
}

}  // namespace dync::receiver
