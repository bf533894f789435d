#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

// Where an upload stands: the next byte that is expected, whether a gap is open, and when the client was told
// last. Pure.
namespace dync::receiver {

using Time = std::chrono::steady_clock::time_point;

// Positions end here: the shared memory keeps 48 bits of one (256 TiB).
inline constexpr std::uint64_t kLastPosition = (std::uint64_t{1} << 48) - 1;

class Positions {
 public:
  // `last`: the start of the chunk before `start`, as far as it is known.
  explicit Positions(std::uint64_t start = 0, std::uint64_t last = 0) : expected_(start), last_start_(last) {}

  enum class Fit {
    next,    // the expected byte
    ahead,   // a gap: messages before it were lost
    behind,  // a repeat
  };
  Fit fit(std::uint64_t seek) const;
  void advance(std::uint64_t bytes) {
    if (bytes > 0) last_start_ = expected_;
    expected_ += bytes;
  }

  std::uint64_t expected() const noexcept { return expected_; }
  // Where the last chunk that was taken begins.
  std::uint64_t last_start() const noexcept { return last_start_; }
  bool gap() const noexcept { return gap_; }
  void set_gap(bool open) noexcept { gap_ = open; }

  // The client was told of this position. It may ask for it again after limits::kReportPause.
  bool was_reported() const { return told_ == expected_; }
  bool may_report(Time now) const;
  void reported(Time now);

 private:
  std::uint64_t expected_;
  std::uint64_t last_start_;
  bool gap_ = false;
  std::optional<std::uint64_t> told_;  // the position of the last report
  Time told_at_;
};

}  // namespace dync::receiver
