#include <algorithm>

#include "proto/ipc/shared_memory.h"

// Why a hasher never takes a slot's new bytes for old ones, and the other way round. It is a seqlock whose
// counter is the slot's generation, with one writer (the receiver) and a reader (the hasher) that is told
// by message which generation to expect.
//
//   receiver (lend)                        hasher (slot_is, hash, slot_is)
//   W1 generation = g + 1   relaxed        R1 fence(acquire); generation == g?   acquire
//   W2 fence(release)                      R2 reads the slot's bytes
//   W3 copies the chunk into the slot      R3 fence(acquire); generation == g?   acquire
//   W4 message: slot, g + 1
//
// If R2 sees any byte of W3, then R3 sees W1 or later: W2 is a release fence before the bytes' store, R3's
// fence is an acquire fence after their load, so W1 happens before R3's load, which can't tell g any more.
// The hasher undoes what it hashed and reads the file. And whoever expects g + 1 learned so by W4, which
// follows W3: a message through a socket orders both processes' memory. A fence also stops the compiler from
// moving the plain copies across it; that these are no atomics is formally a race, and harmless because what
// was read in one is thrown away.
namespace dync::ipc {

SlotPool::SlotPool(SharedMemory& memory)
    : memory_(memory), loans_(memory.sizes().slots), held_(memory.sizes().marks) {
  for (std::uint32_t slot = memory.sizes().slots; slot > 0; --slot) free_.push_back(slot - 1);
}

bool SlotPool::may_lend(std::uint32_t mark) const {
  const std::size_t most = std::max<std::size_t>(1, loans_.size() / 2);
  return !free_.empty() && held_.at(mark) < most;
}

std::optional<SlotPool::Lent> SlotPool::lend(std::uint32_t mark, std::uint32_t epoch, std::uint64_t end,
                                             Until until) {
  if (!may_lend(mark)) collect();
  if (!may_lend(mark)) return std::nullopt;
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  loans_[slot] = Loan{mark, epoch, end, until};
  ++held_[mark];
  auto& counter = memory_.slot_generation(slot);
  const std::uint64_t generation = counter.load(std::memory_order_relaxed) + 1;
  counter.store(generation, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  return Lent{slot, generation, memory_.slot(slot)};
}

bool SlotPool::is_over(const Loan& loan) const {
  const Mark& mark = memory_.mark(loan.mark);
  if (mark.used.load(std::memory_order_acquire) == 0) return true;
  if (mark.epoch.load(std::memory_order_acquire) != loan.epoch) return true;
  if (written_bytes(mark, loan.epoch) < loan.end) return false;
  return loan.until == Until::written || hashed_bytes(mark, loan.epoch) >= loan.end;
}

std::size_t SlotPool::collect() {
  const std::size_t before = free_.size();
  for (std::uint32_t slot = 0; slot < loans_.size(); ++slot) {
    if (!loans_[slot] || !is_over(*loans_[slot])) continue;
    --held_[loans_[slot]->mark];
    loans_[slot].reset();
    free_.push_back(slot);
  }
  return free_.size() - before;
}

void SlotPool::give_back(std::uint32_t slot) {
  if (!loans_.at(slot)) return;
  --held_[loans_[slot]->mark];
  loans_[slot].reset();
  free_.push_back(slot);
}

std::size_t SlotPool::collect_written(std::uint32_t hasher, std::uint32_t hashers) {
  for (auto& loan : loans_) {
    if (loan && loan->mark % hashers == hasher) loan->until = Until::written;
  }
  return collect();
}

bool slot_is(const SharedMemory& memory, std::uint32_t slot, std::uint64_t generation) {
  std::atomic_thread_fence(std::memory_order_acquire);
  return memory.slot_generation(slot).load(std::memory_order_acquire) == generation;
}

}  // namespace dync::ipc
