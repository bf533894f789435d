#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>

// Where sent chunks ended. A chunk that is sent again never reaches beyond the end of one that was sent
// before: credit counts chunks, so a range that took N of them must not go again in fewer, or the client
// would believe that some are left. Pure.
namespace dync::client {

class Cuts {
 public:
  void sent(std::uint64_t end) {
    ends_.insert(end);
    if (ends_.size() > kMost) ends_.erase(ends_.begin());
  }
  // The most bytes that a chunk at `position` may have.
  std::uint64_t most(std::uint64_t position) const {
    const auto next = ends_.upper_bound(position);
    return next == ends_.end() ? std::numeric_limits<std::uint64_t>::max() : *next - position;
  }

 private:
  static constexpr std::size_t kMost = 4096;  // more chunks than any server lets be on their way
  std::set<std::uint64_t> ends_;
};

}  // namespace dync::client
