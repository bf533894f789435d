#include "client/pacer.h"

#include <algorithm>

#include "schema/limits/limits.h"

namespace dync::client {

namespace {

using Seconds = std::chrono::duration<double>;

constexpr std::uint32_t kSmallest = 16 * limits::kKiB;  // a second at 128 kbit/s
constexpr std::uint32_t kFirst = 32 * limits::kKiB;     // two seconds, and soon outgrown on a fast link
constexpr std::uint32_t kGrowth = 4;                    // at most, from one answer to the next
constexpr Seconds kChunkTime{1};                        // of a chunk
constexpr Seconds kWayTime{3};                          // of all that is on its way
constexpr std::chrono::milliseconds kBetweenQuestions{250};
constexpr Seconds kShortest{0.001};

std::uint32_t floor_to_doubling(double bytes) {
  std::uint32_t size = kSmallest;
  while (size < limits::kLargestChunk && size * 2.0 <= bytes) size *= 2;
  return size;
}

}  // namespace

void Pacer::allow(std::uint32_t most, bool adapt) {
  most_ = most;
  adapt_ = adapt;
  chunk_ = adapt ? std::min(most, kFirst) : most;
  if (rate_ > 0) resize();
}

void Pacer::rewind(std::uint64_t position) {
  confirmed_ = asked_ = sent_ = position;
}

void Pacer::restart(std::uint64_t position) {
  rate_ = 0;
  allow(most_, adapt_);
  rewind(position);
}

void Pacer::sent(std::uint64_t position, Time now) {
  if (sent_ == confirmed_) busy_since_ = now;
  sent_ = std::max(sent_, position);
}

void Pacer::asked(Time now) {
  asked_ = sent_;
  last_asked_ = now;
}

// Answers may be held up and then come together, so the time is that of the sending if that took longer.
void Pacer::arrived(std::uint64_t position, Time asked_at, Time now) {
  if (position <= confirmed_ || position > asked_) return;
  const Seconds taking = now - std::max(confirmed_at_, busy_since_);
  const Seconds handing = asked_at - std::max(confirmed_asked_, busy_since_);
  measure(position - confirmed_, std::max(taking, handing));
  confirmed_ = position;
  confirmed_at_ = now;
  confirmed_asked_ = asked_at;
}

void Pacer::measure(std::uint64_t bytes, Seconds time) {
  if (bytes < std::min(kSmallest, chunk_)) return;  // a few bytes tell how far the server is, not how fast
  const double seen = static_cast<double>(bytes) / std::max(time, kShortest).count();
  rate_ = rate_ == 0 ? seen : (rate_ + seen) / 2;
  resize();
}

void Pacer::resize() {
  if (!adapt_) return;
  const double wanted = std::min(rate_ * kChunkTime.count(), double{kGrowth} * chunk_);
  chunk_ = wanted >= most_ ? most_ : std::min(most_, floor_to_doubling(wanted));
}

bool Pacer::room() const noexcept {
  if (sent_ == confirmed_) return true;
  const double way = rate_ > 0 ? rate_ * kWayTime.count() : double{kFirst};
  return static_cast<double>(sent_ - confirmed_ + chunk_) <= way;
}

Time Pacer::ask_at() const noexcept {
  const std::uint64_t unasked = sent_ - asked_;
  if (unasked == 0 || (unasked < kSmallest && room())) return Time::max();
  return asking() ? last_asked_ + kBetweenQuestions : Time::min();
}

}  // namespace dync::client
