#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "proto/posix/file.h"
#include "proto/wire/id.h"

// The memory that supervisor, receiver and hashers share: incarnations, marks and slots. It outlives each
// worker. Offsets and widths are part of kLayout; a process with another layout fails at once.
namespace dync::ipc {

enum class Role : std::uint32_t { receiver = 0, committer = 1, hasher = 2 };  // hasher i is 2 + i
inline constexpr std::uint32_t kMaxHashers = 16;

struct Sizes {
  std::uint32_t slots = 64;
  std::uint32_t slot_bytes = 1024 * 1024;  // a multiple of the page size
  std::uint32_t marks = 16384;             // live uploads at most
};

// A position and the epoch it belongs to, in one word, so that a late store of an older epoch is seen as
// such.
struct Position {
  std::uint16_t epoch = 0;  // the low 16 bits of the upload's epoch
  std::uint64_t bytes = 0;  // 48 bits
  std::uint64_t packed() const noexcept { return (std::uint64_t{epoch} << 48) | bytes; }
  static Position unpack(std::uint64_t word) noexcept;
};

// One upload's marks. `written`: the end of the contiguous prefix whose writes returned, stored by the
// receiver. `hashed`: the end of the prefix in the digest, stored by the hasher.
struct Mark {
  std::atomic<std::uint32_t> used;   // stored last on taking, first on giving back
  std::atomic<std::uint32_t> epoch;  // goes on when the entry is used again
  std::byte upload[wire::Id::kBytes];
  std::atomic<std::uint64_t> written;
  std::atomic<std::uint64_t> hashed;
};

class SharedMemory {
 public:
  // A sealed memfd with all marks and slots free.
  static posix::Fd create(const Sizes& sizes);
  // Maps an inherited one. Throws posix::Error, or std::runtime_error if the layout is another.
  explicit SharedMemory(int fd);

  const Sizes& sizes() const noexcept { return sizes_; }

  // How often a role has been started. The supervisor counts it up after the last one was reaped and before
  // the next starts; the others watch it to learn that a peer is new.
  std::uint32_t incarnation(Role role, std::uint32_t hasher = 0) const;
  void count_incarnation(Role role, std::uint32_t hasher = 0);

  // These throw std::out_of_range for a number beyond the last one: it may come from a message.
  Mark& mark(std::uint32_t index) const;
  std::atomic<std::uint64_t>& slot_generation(std::uint32_t slot) const;
  std::span<std::byte> slot(std::uint32_t slot) const;

 private:
  posix::Mapping mapping_;
  Sizes sizes_;
};

// The receiver's side of the marks: the only one that takes entries and moves `written`.
class MarkTable {
 public:
  explicit MarkTable(SharedMemory& memory);  // finds what a receiver before this one took

  // The entry that already belongs to `upload` (a receiver before this one took it).
  std::optional<std::uint32_t> find(const wire::Id& upload) const;
  // Takes a free entry, or the upload's own, and begins an epoch above both `epoch` and the entry's last,
  // with both marks at `bytes`/0. Nothing if all are taken. A file that must be cut to `bytes` is cut after
  // this, never before: the written mark must never lie beyond the bytes that are there.
  struct Taken {
    std::uint32_t index;
    std::uint32_t epoch;
  };
  std::optional<Taken> take(const wire::Id& upload, std::uint32_t epoch, std::uint64_t bytes);
  void give_back(std::uint32_t index);
  // Frees every entry that belongs to none of `live`.
  void keep_only(std::span<const wire::Id> live);

 private:
  SharedMemory& memory_;
  std::unordered_map<wire::Id, std::uint32_t> taken_;
  std::vector<std::uint32_t> free_;
};

// Bytes of `mark` that count for `epoch`: 0 while it still tells another epoch. A store for an epoch that is
// not the mark's any more does nothing; one for the current epoch always counts, also a lower one (a hasher
// that starts again).
std::uint64_t written_bytes(const Mark& mark, std::uint32_t epoch);
std::uint64_t hashed_bytes(const Mark& mark, std::uint32_t epoch);
// The written mark of whatever epoch the entry was in last: for a receiver that finds it after another died,
// also in the middle of a take().
std::uint64_t last_written(const Mark& mark);
void store_written(Mark& mark, std::uint32_t epoch, std::uint64_t bytes);
void store_hashed(Mark& mark, std::uint32_t epoch, std::uint64_t bytes);

// The receiver's slots. A slot is lent for one chunk and is free again once both marks are at or past the
// chunk's end, whatever message got lost, or its upload's epoch is over. A slot lent `until` written is free
// as soon as the written mark has passed: for an upload whose hasher is far behind and reads the file.
class SlotPool {
 public:
  enum class Until { hashed, written };
  explicit SlotPool(SharedMemory& memory);  // all free

  struct Lent {
    std::uint32_t slot;
    std::uint64_t generation;
    std::span<std::byte> bytes;  // the whole slot
  };
  // For the chunk of `mark`'s upload that ends at `end`. Nothing if none is free, also after a collect(), or
  // the upload already holds half of all slots (so that the hasher is never further behind than that).
  std::optional<Lent> lend(std::uint32_t mark, std::uint32_t epoch, std::uint64_t end, Until until);

  // A chunk that was not written after all, and is under way no more, gives its slot up.
  void give_back(std::uint32_t slot);

  // Takes back what both marks have passed, and what belongs to an epoch that is over. Returns how many.
  // A slot with a write under way must have its epoch alive: end an epoch only after its writes ended.
  std::size_t collect();
  // After a hasher was reaped: what it had not hashed needs no slot once it is written, its successor reads
  // the file. Also collects.
  std::size_t collect_written(std::uint32_t hasher, std::uint32_t hashers);
  std::size_t free() const noexcept { return free_.size(); }

 private:
  struct Loan {
    std::uint32_t mark, epoch;
    std::uint64_t end;
    Until until;
  };
  bool may_lend(std::uint32_t mark) const;
  bool is_over(const Loan& loan) const;

  SharedMemory& memory_;
  std::vector<std::uint32_t> free_;
  std::vector<std::optional<Loan>> loans_;  // by slot
  std::vector<std::uint32_t> held_;         // slots lent, by mark
};

// The hasher's side: the bytes of a slot while it still is of that generation.
// Check before and after hashing; if either says no, undo and read the staged file instead.
bool slot_is(const SharedMemory& memory, std::uint32_t slot, std::uint64_t generation);

}  // namespace dync::ipc
