#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "proto/wire/id.h"

namespace dync::receiver {

// The book of room on the staging disk: who may write now, and who has to wait. Pure. An upload of known size
// was admitted with room for all of it, and may use what is free but for what is kept back. A stream, whose
// size nobody knows, may use only what these leave over. When even that runs out, room goes to the oldest
// that can finish with it.
class Room {
 public:
  using Id = wire::Id;
  using Time = std::chrono::steady_clock::time_point;

  explicit Room(std::chrono::milliseconds patience) : patience_(patience) {}

  // Who joins first is the oldest. `written` of its bytes are there; its file has `taken` bytes of the disk,
  // which found() can tell later.
  void join(const Id& upload, std::optional<std::uint64_t> size, std::uint64_t written, std::uint64_t taken);
  void found(const Id& upload, std::uint64_t taken);
  void leave(const Id& upload, Time now);
  // Bytes that are free now, without what is kept back.
  void measured(std::uint64_t free);

  // Whether its next bytes may be written. False: it waits, until some of its bytes were written.
  bool grant(const Id& upload, std::uint64_t bytes, Time now);
  void wrote(const Id& upload, std::uint64_t bytes, Time now);  // so many of the granted ones
  // The disk itself had no room, or a quota is used up: nothing is granted any more, it waits.
  void refused(const Id& upload, Time now);

  // The rest of an upload of known size is free: blocks may be allocated for all of it.
  bool fits_whole(const Id& upload) const;
  void allocated(const Id& upload);  // that was done

  bool waits(const Id& upload) const { return entry(upload).waits; }
  std::vector<Id> waiting() const;  // oldest first

  // Somebody waits, and nothing was written by anyone for `patience`: how many bytes are missed. Told once,
  // and once more after as long a time again.
  std::optional<std::uint64_t> stuck(Time now);
  // Who is to end then, so that others can go on: the youngest stream that waits, rather one that has bytes
  // on the disk. Never one of known size, nor the last that waits, nor the oldest stream where only streams
  // wait.
  std::optional<Id> victim() const;

  std::uint64_t available() const;  // bytes for uploads of known size
  std::uint64_t left_over() const;  // bytes for streams
  std::uint64_t missed() const;     // bytes that those who wait lack

 private:
  struct Entry {
    Id id;
    std::optional<std::uint64_t> size;
    std::uint64_t written = 0;
    std::uint64_t granted = 0;  // not yet written
    std::uint64_t taken = 0;    // bytes from the file's start whose blocks are there
    std::uint64_t wanted = 0;   // bytes for which it waits
    bool waits = false;

    std::uint64_t cost(std::uint64_t bytes) const;  // of its next bytes: those without blocks
    std::uint64_t open() const;                     // the same of what is granted
    std::uint64_t rest() const;                     // what of its size is neither there nor granted
    std::uint64_t held() const { return size ? 0 : written + granted; }  // by a stream
  };

  Entry& entry(const Id& upload) { return entries_.at(orders_.at(upload)); }
  const Entry& entry(const Id& upload) const { return entries_.at(orders_.at(upload)); }
  template <typename Change>
  void change(Entry& entry, Change apply);
  void wait(Entry& entry, std::uint64_t bytes, Time now);
  bool sized_may(const Entry& entry, std::uint64_t cost) const;
  bool stream_may(const Entry& entry, std::uint64_t cost, Time now);
  bool favoured(const Entry& entry, Time now);

  std::chrono::milliseconds patience_;
  std::uint64_t free_ = ~std::uint64_t{0} >> 1;  // as measured
  std::uint64_t used_ = 0;                       // bytes written since
  // Sums over all entries.
  std::uint64_t open_ = 0, rest_ = 0, held_ = 0;
  std::size_t waiting_ = 0;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, Entry> entries_;  // by age
  std::unordered_map<Id, std::uint64_t> orders_;
  Time moved_at_;  // when anybody's bytes were written last, or the first began to wait
  // The stream that has the last part of the room, and when it last got some of it.
  std::optional<Id> favourite_;
  Time favoured_at_;
};

}  // namespace dync::receiver
