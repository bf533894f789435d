#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dync::admin {

// What a client wrote, for a terminal: control characters, bidi overrides and bytes that are no UTF-8 are
// shown as \xHH or \uHHHH. Nothing is cut off.
std::string printable(std::string_view text);

// "17 B", "1.5 MB": powers of 1000, as disks are sold and `ls --si` tells.
std::string human_size(std::uint64_t bytes);

// "119 s", "3 min", "7 h", "6 d": rounded down, at least two of a unit.
std::string human_time(std::uint64_t seconds);

// Columns that line up, as wide as their longest cell; the last one is not padded. Cells must be printable.
class Table {
 public:
  enum class Align { left, right };
  explicit Table(std::vector<std::string> head, std::vector<Align> alignment = {});

  void add(std::vector<std::string> row);
  bool empty() const noexcept { return rows_.size() == 1; }
  std::string text() const;  // with the head

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<Align> alignment_;
};

// "name      value" lines, the values in one column.
std::string pairs(const std::vector<std::pair<std::string, std::string>>& lines);

}  // namespace dync::admin
