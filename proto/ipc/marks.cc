#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <unordered_set>

#include "proto/ipc/shared_memory.h"

namespace dync::ipc {
namespace {

constexpr unsigned kEpochShift = 48;
constexpr std::uint64_t kBytesMask = (std::uint64_t{1} << kEpochShift) - 1;

std::uint16_t low(std::uint32_t epoch) {
  return static_cast<std::uint16_t>(epoch & 0xffff);
}

std::uint64_t word_of(std::uint32_t epoch, std::uint64_t bytes) {
  if (bytes > kBytesMask) throw std::length_error("an upload is longer than its marks can tell, 256 TiB");
  return Position{low(epoch), bytes}.packed();
}

std::uint64_t bytes_of(const std::atomic<std::uint64_t>& word, std::uint32_t epoch) {
  const Position position = Position::unpack(word.load(std::memory_order_acquire));
  return position.epoch == low(epoch) ? position.bytes : 0;
}

// Stores only while the entry is in this epoch. An epoch begins by storing `epoch` first and the two words
// after it. So whoever finds the entry's epoch unchanged here and is overtaken by a new one right then fails
// at the exchange, because the word has changed: a late store never hides the new epoch's position.
void store(Mark& mark, std::atomic<std::uint64_t>& word, std::uint32_t epoch, std::uint64_t bytes) {
  const std::uint64_t next = word_of(epoch, bytes);
  std::uint64_t seen = word.load(std::memory_order_acquire);
  do {
    if (mark.epoch.load(std::memory_order_acquire) != epoch) return;
  } while (!word.compare_exchange_weak(seen, next, std::memory_order_acq_rel, std::memory_order_acquire));
}

wire::Id upload_of(const Mark& mark) {
  return *wire::Id::from_bytes(mark.upload);
}

}  // namespace

Position Position::unpack(std::uint64_t word) noexcept {
  return {static_cast<std::uint16_t>(word >> kEpochShift), word & kBytesMask};
}

std::uint64_t written_bytes(const Mark& mark, std::uint32_t epoch) {
  return bytes_of(mark.written, epoch);
}
std::uint64_t hashed_bytes(const Mark& mark, std::uint32_t epoch) {
  return bytes_of(mark.hashed, epoch);
}

std::uint64_t last_written(const Mark& mark) {
  return Position::unpack(mark.written.load(std::memory_order_acquire)).bytes;
}

void store_written(Mark& mark, std::uint32_t epoch, std::uint64_t bytes) {
  store(mark, mark.written, epoch, bytes);
}

void store_hashed(Mark& mark, std::uint32_t epoch, std::uint64_t bytes) {
  store(mark, mark.hashed, epoch, bytes);
}

MarkTable::MarkTable(SharedMemory& memory) : memory_(memory) {
  for (std::uint32_t index = memory_.sizes().marks; index > 0; --index) {
    const Mark& mark = memory_.mark(index - 1);
    if (mark.used.load(std::memory_order_acquire) != 0) {
      taken_.emplace(upload_of(mark), index - 1);
    } else {
      free_.push_back(index - 1);
    }
  }
}

std::optional<std::uint32_t> MarkTable::find(const wire::Id& upload) const {
  const auto found = taken_.find(upload);
  if (found == taken_.end()) return std::nullopt;
  return found->second;
}

std::optional<MarkTable::Taken> MarkTable::take(const wire::Id& upload, std::uint32_t epoch,
                                                std::uint64_t bytes) {
  std::optional<std::uint32_t> index = find(upload);
  if (!index) {
    if (free_.empty()) return std::nullopt;
    index = free_.back();
    free_.pop_back();
    taken_.emplace(upload, *index);
  }
  Mark& mark = memory_.mark(*index);
  const std::uint32_t next = std::max(epoch, mark.epoch.load(std::memory_order_relaxed)) + 1;
  mark.epoch.store(next, std::memory_order_release);
  std::memcpy(mark.upload, upload.bytes().data(), sizeof mark.upload);
  mark.written.store(word_of(next, bytes), std::memory_order_release);
  mark.hashed.store(word_of(next, 0), std::memory_order_release);
  mark.used.store(1, std::memory_order_release);
  return Taken{*index, next};
}

void MarkTable::give_back(std::uint32_t index) {
  Mark& mark = memory_.mark(index);
  if (mark.used.exchange(0, std::memory_order_acq_rel) == 0) return;
  taken_.erase(upload_of(mark));
  free_.push_back(index);
}

void MarkTable::keep_only(std::span<const wire::Id> live) {
  const std::unordered_set<wire::Id> kept(live.begin(), live.end());
  for (std::uint32_t index = 0; index < memory_.sizes().marks; ++index) {
    const Mark& mark = memory_.mark(index);
    if (mark.used.load(std::memory_order_relaxed) == 0 || kept.contains(upload_of(mark))) continue;
    give_back(index);
  }
}

}  // namespace dync::ipc
