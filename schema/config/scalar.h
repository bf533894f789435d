#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace dync::config {

enum class Kind { null, boolean, integer, real, text, list, map };

struct Scalar {
  Kind kind = Kind::text;
  bool truth = false;                  // of a boolean
  std::optional<std::int64_t> number;  // of an integer; absent: it doesn't fit
};

// What Python's YAML 1.1 reader makes of an unquoted word: `no` is a boolean, `0077` is 63, `1_000` is 1000,
// `1:30` is 90. Beyond it, `0o77` is 63 too, as in YAML 1.2. Dates stay text.
Scalar read_plain(std::string_view word);

}  // namespace dync::config
