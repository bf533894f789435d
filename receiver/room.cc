#include "receiver/room.h"

#include <algorithm>
#include <utility>

#include "schema/limits/limits.h"

namespace dync::receiver {
namespace {

std::uint64_t less(std::uint64_t from, std::uint64_t bytes) {
  return from - std::min(from, bytes);
}

}  // namespace

std::uint64_t Room::Entry::cost(std::uint64_t bytes) const {
  const std::uint64_t begin = std::max(written + granted, taken);
  return less(written + granted + bytes, begin);
}

std::uint64_t Room::Entry::open() const {
  return less(written + granted, std::max(written, taken));
}

std::uint64_t Room::Entry::rest() const {
  return size ? less(*size, std::max(written + granted, taken)) : 0;
}

template <typename Change>
void Room::change(Entry& entry, Change apply) {
  open_ -= entry.open();
  rest_ -= entry.rest();
  held_ -= entry.held();
  apply(entry);
  open_ += entry.open();
  rest_ += entry.rest();
  held_ += entry.held();
}

void Room::join(const Id& upload, std::optional<std::uint64_t> size, std::uint64_t written,
                std::uint64_t taken) {
  leave(upload, moved_at_);
  orders_[upload] = ++last_;
  Entry& joined = entries_[last_];
  joined.id = upload;
  change(joined, [&](Entry& entry) {
    entry.size = size;
    entry.written = written;
    entry.taken = size ? taken : 0;
  });
}

void Room::found(const Id& upload, std::uint64_t taken) {
  change(entry(upload), [&](Entry& known) { known.taken = known.size ? taken : 0; });
}

// Its bytes may be gone from the disk soon: the next measurement tells.
void Room::leave(const Id& upload, Time now) {
  const auto order = orders_.find(upload);
  if (order == orders_.end()) return;
  const auto found = entries_.find(order->second);
  if (found->second.waits) --waiting_;
  change(found->second, [](Entry& entry) { entry = Entry{}; });
  entries_.erase(found);
  orders_.erase(order);
  moved_at_ = now;
}

void Room::measured(std::uint64_t free) {
  free_ = free;
  used_ = 0;
}

std::uint64_t Room::available() const {
  return less(free_, used_ + open_);
}

std::uint64_t Room::left_over() const {
  return less(available(), rest_);
}

bool Room::grant(const Id& upload, std::uint64_t bytes, Time now) {
  Entry& asking = entry(upload);
  const std::uint64_t cost = asking.cost(bytes);
  const bool may = cost == 0 || (asking.size ? sized_may(asking, cost) : stream_may(asking, cost, now));
  if (!may) {
    wait(asking, cost, now);
    return false;
  }
  change(asking, [&](Entry& entry) { entry.granted += bytes; });
  return true;
}

// As long as no stranger fills the disk there is room for all of them. Else the oldest that can finish comes
// first, and what is left then goes to the oldest of the others.
bool Room::sized_may(const Entry& asking, std::uint64_t cost) const {
  const std::uint64_t beyond = less(cost, asking.rest());  // more than was announced
  std::uint64_t pool = available();
  if (pool >= rest_ + beyond) return true;
  const Entry* stopped = nullptr;  // the oldest that can't finish
  for (const auto& [order, other] : entries_) {
    if (!other.size) continue;
    const bool finishes = other.rest() <= pool;
    if (finishes && &other == &asking) return cost <= pool;
    if (finishes)
      pool -= other.rest();
    else if (!stopped)
      stopped = &other;
  }
  return stopped == &asking && cost <= pool;
}

// The last part of what streams can have is for one at a time, so that not all of them stop half-way.
bool Room::stream_may(const Entry& asking, std::uint64_t cost, Time now) {
  const std::uint64_t left = left_over();
  if (left < cost) return false;
  if (left - cost >= (left + held_) / limits::kRoomForOne) return true;
  return favoured(asking, now);
}

bool Room::favoured(const Entry& asking, Time now) {
  const bool stale =
      !favourite_ || !orders_.contains(*favourite_) || now - favoured_at_ > limits::kRoomFavour;
  if (stale) {
    const auto oldest = std::find_if(entries_.begin(), entries_.end(), [&](const auto& each) {
      return !each.second.size && (each.second.waits || &each.second == &asking);
    });
    favourite_ = oldest->second.id;
    favoured_at_ = now;
  }
  if (*favourite_ != asking.id) return false;
  favoured_at_ = now;
  return true;
}

void Room::wait(Entry& entry, std::uint64_t bytes, Time now) {
  entry.wanted = bytes;
  if (std::exchange(entry.waits, true)) return;
  if (waiting_++ == 0) moved_at_ = now;
}

void Room::wrote(const Id& upload, std::uint64_t bytes, Time now) {
  Entry& writing = entry(upload);
  const std::uint64_t open = writing.open();
  change(writing, [&](Entry& entry) {
    entry.written += bytes;
    entry.granted = less(entry.granted, bytes);
  });
  used_ += less(open, writing.open());
  moved_at_ = now;
  if (std::exchange(writing.waits, false)) --waiting_;
}

void Room::refused(const Id& upload, Time now) {
  Entry& refused = entry(upload);
  const std::uint64_t granted = refused.granted;
  change(refused, [](Entry& entry) { entry.granted = 0; });
  wait(refused, granted, now);
}

bool Room::fits_whole(const Id& upload) const {
  return entry(upload).size && available() >= rest_;
}

// What of it was granted already counts as used from now on, until the next measurement sees all of it.
void Room::allocated(const Id& upload) {
  Entry& whole = entry(upload);
  if (!whole.size || whole.taken >= *whole.size) return;
  const std::uint64_t before = whole.open() + whole.rest();
  change(whole, [](Entry& entry) { entry.taken = *entry.size; });
  used_ += before;
}

std::vector<Room::Id> Room::waiting() const {
  std::vector<Id> found;
  if (waiting_ == 0) return found;
  for (const auto& [order, entry] : entries_)
    if (entry.waits) found.push_back(entry.id);
  return found;
}

std::uint64_t Room::missed() const {
  std::uint64_t wanted = 0;
  for (const auto& [order, entry] : entries_)
    if (entry.waits) wanted += std::max(entry.rest(), entry.wanted);
  return std::max<std::uint64_t>(1, less(wanted, available()));
}

std::optional<std::uint64_t> Room::stuck(Time now) {
  if (waiting_ == 0 || now - moved_at_ < patience_) return std::nullopt;
  moved_at_ = now;
  favourite_.reset();  // it did not finish with what it got
  return missed();
}

std::optional<Room::Id> Room::victim() const {
  std::vector<const Entry*> streams;
  for (const auto& [order, entry] : entries_)
    if (entry.waits && !entry.size) streams.push_back(&entry);
  if (streams.size() == waiting_ && !streams.empty()) streams.erase(streams.begin());
  if (streams.empty()) return std::nullopt;
  const auto holds =
      std::find_if(streams.rbegin(), streams.rend(), [](const Entry* entry) { return entry->written > 0; });
  return holds == streams.rend() ? streams.back()->id : (*holds)->id;
}

}  // namespace dync::receiver
