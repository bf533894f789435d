#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "client/transfer.h"

// How an upload is shown, as text. Pure; the terminal is in display.h.
namespace dync::client {

struct ProgressView {
  std::string name;
  std::size_t number = 1, count = 1;  // this file of so many
  std::uint64_t done = 0;
  std::optional<std::uint64_t> total;  // absent for a stream
  double rate = 0;                     // bytes a second, 0 if not known
  Stage stage = Stage::connecting;
};

// One line that fits into `width` columns of a terminal, its last column left free.
std::string render_bar(const ProgressView& view, std::size_t width);
// One line for a log, without a newline.
std::string render_log_line(const ProgressView& view);

std::string human_bytes(std::uint64_t bytes);           // "1.5 MB", powers of 1000
std::string human_time(std::chrono::seconds duration);  // "0:07", "12:34", "3:04:05", "12 d"
std::string stage_text(Stage stage);                    // empty while sending

// Bytes a second over the last ten seconds.
class Meter {
 public:
  void add(std::uint64_t done, Time now);
  double rate() const;

 private:
  struct Sample {
    Time at;
    std::uint64_t done;
  };
  std::deque<Sample> samples_;
};

}  // namespace dync::client
