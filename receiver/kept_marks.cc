#include "receiver/kept_marks.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <unordered_set>

#include "proto/posix/error.h"

namespace dync::receiver {
namespace {

constexpr std::uint64_t kMagic = 0x64796e63'6d6b7331;  // "dyncmks1"
constexpr std::uint64_t kHeaderBytes = 4096;
constexpr std::size_t kBootIdBytes = 64;
constexpr mode_t kFileMode = 0640;

struct Header {
  std::uint64_t magic;
  std::uint32_t entries;
  std::uint32_t unused;
  char boot_id[kBootIdBytes];
};

bool is_of(const Header& header, const std::string& boot_id, std::uint32_t entries) {
  const std::size_t length = ::strnlen(header.boot_id, kBootIdBytes);
  return header.magic == kMagic && header.entries == entries &&
         std::string_view(header.boot_id, length) == boot_id;
}

}  // namespace

// A process may die between any two stores; only a whole entry has `state` used.
struct KeptMarks::Entry {
  enum State : std::uint32_t { unused, used, resting };
  std::atomic<std::uint32_t> state;
  std::uint32_t reserved;
  std::atomic<std::uint64_t> written;
  std::byte upload[Id::kBytes];
};

KeptMarks::KeptMarks(const std::filesystem::path& path, const std::string& boot_id, std::uint32_t entries)
    : file_(posix::open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, kFileMode)) {
  static_assert(sizeof(Entry) == 32);
  const std::uint64_t bytes = kHeaderBytes + std::uint64_t{entries} * sizeof(Entry);
  const int error = ::posix_fallocate(file_.get(), 0, static_cast<off_t>(bytes));
  if (error != 0) throw posix::Error(error, "allocate", path.native());
  mapping_ = posix::Mapping(file_.get(), bytes);
  auto& header = *std::launder(reinterpret_cast<Header*>(mapping_.data()));
  if (!is_of(header, boot_id.substr(0, kBootIdBytes), entries)) {
    header.magic = 0;
    std::memset(mapping_.data() + kHeaderBytes, 0, bytes - kHeaderBytes);
    std::memset(header.boot_id, 0, kBootIdBytes);
    std::memcpy(header.boot_id, boot_id.data(), std::min(boot_id.size(), kBootIdBytes));
    header.entries = entries;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    header.magic = kMagic;
  }
  read_entries(entries);
}

void KeptMarks::read_entries(std::uint32_t entries) {
  for (std::uint32_t index = entries; index > 0; --index) {
    const Entry& found = entry(index - 1);
    if (found.state.load(std::memory_order_acquire) == Entry::unused) {
      free_.push_back(index - 1);
    } else {
      entries_[*Id::from_bytes(found.upload)] = index - 1;
    }
  }
}

KeptMarks::Entry& KeptMarks::entry(std::uint32_t index) const {
  return *std::launder(reinterpret_cast<Entry*>(mapping_.data() + kHeaderBytes) + index);
}

std::optional<std::uint64_t> KeptMarks::find(const Id& upload) const {
  const auto found = entries_.find(upload);
  if (found == entries_.end()) return std::nullopt;
  return entry(found->second).written.load(std::memory_order_acquire);
}

void KeptMarks::take(const Id& upload, std::uint64_t bytes) {
  if (const auto found = entries_.find(upload); found != entries_.end()) {
    Entry& own = entry(found->second);
    own.written.store(bytes, std::memory_order_release);
    own.state.store(Entry::used, std::memory_order_release);
    return;
  }
  const auto index = free_entry();
  if (!index) return;  // as many uploads as marks live; the shared memory has no more either
  Entry& taken = entry(*index);
  std::memcpy(taken.upload, upload.bytes().data(), sizeof taken.upload);
  taken.written.store(bytes, std::memory_order_release);
  taken.state.store(Entry::used, std::memory_order_release);
  entries_[upload] = *index;
}

std::optional<std::uint32_t> KeptMarks::free_entry() {
  while (free_.empty() && !retired_.empty()) {
    const Id oldest = retired_.front();
    retired_.pop_front();
    const auto found = entries_.find(oldest);
    if (found != entries_.end() &&
        entry(found->second).state.load(std::memory_order_relaxed) == Entry::resting)
      forget(oldest);
  }
  if (free_.empty()) return std::nullopt;
  const std::uint32_t index = free_.back();
  free_.pop_back();
  return index;
}

void KeptMarks::store(const Id& upload, std::uint64_t bytes) {
  const auto found = entries_.find(upload);
  if (found != entries_.end()) entry(found->second).written.store(bytes, std::memory_order_release);
}

void KeptMarks::retire(const Id& upload) {
  const auto found = entries_.find(upload);
  if (found == entries_.end()) return;
  entry(found->second).state.store(Entry::resting, std::memory_order_release);
  retired_.push_back(upload);
}

void KeptMarks::forget(const Id& upload) {
  const auto found = entries_.find(upload);
  entry(found->second).state.store(Entry::unused, std::memory_order_release);
  free_.push_back(found->second);
  entries_.erase(found);
}

void KeptMarks::keep_only(std::span<const Id> live) {
  const std::unordered_set<Id> kept(live.begin(), live.end());
  std::vector<Id> gone;
  for (const auto& [upload, index] : entries_)
    if (!kept.contains(upload)) gone.push_back(upload);
  for (const Id& upload : gone) forget(upload);
}

}  // namespace dync::receiver
