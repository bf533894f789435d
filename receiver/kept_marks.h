#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/posix/file.h"
#include "proto/wire/id.h"

namespace dync::receiver {

// The written marks once more, in a mapped file beside the ledger, so that they outlive every process: what
// write() has returned for is in the kernel's hands, whoever dies. After a machine's crash they are worth
// nothing, so they count for one boot only. Only one receiver at a time has it open.
class KeptMarks {
 public:
  using Id = wire::Id;

  // Makes the file where there is none; forgets what is of another boot, or no such file. Its blocks are
  // there from the start: a store can't meet a full disk. Throws posix::Error.
  KeptMarks(const std::filesystem::path& file, const std::string& boot_id, std::uint32_t entries);

  // Bytes of this upload that are written, as far as it is known here.
  std::optional<std::uint64_t> find(const Id& upload) const;

  // From now on `upload` has `bytes`. To be called before its file is cut, never after.
  void take(const Id& upload, std::uint64_t bytes);
  void store(const Id& upload, std::uint64_t bytes);
  // The upload rests. Its entry stays until it is taken again or the room is needed: whether the ledger knows
  // the length by now is not certain.
  void retire(const Id& upload);
  // Forgets every upload that is none of `live`.
  void keep_only(std::span<const Id> live);

 private:
  struct Entry;
  Entry& entry(std::uint32_t index) const;
  std::optional<std::uint32_t> free_entry();
  void forget(const Id& upload);
  void read_entries(std::uint32_t entries);

  posix::Fd file_;
  posix::Mapping mapping_;
  std::unordered_map<Id, std::uint32_t> entries_;
  std::vector<std::uint32_t> free_;
  std::deque<Id> retired_;  // oldest first; may name uploads that were taken again or forgotten
};

}  // namespace dync::receiver
