#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// How many columns of a terminal a UTF-8 text takes, without a locale.
namespace dync::client {

struct Glyph {
  std::size_t bytes;    // at least 1
  std::size_t columns;  // 0 for combining marks, 2 for East Asian wide and emoji
  bool valid;           // well-formed UTF-8 (RFC 3629)
  bool control;         // C0, C1, DEL, line separators, or a direction override
};

// The first code point of a text that is not empty.
Glyph first_glyph(std::string_view text);

// Of printable text.
std::size_t columns_of(std::string_view text);

// At most `columns` wide: as it is, or cut in its middle with "…" (the end of a name tells more than its
// middle).
std::string fit(std::string_view text, std::size_t columns);

}  // namespace dync::client
