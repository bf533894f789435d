#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// Text that other people wrote: whether it is UTF-8, and how a sentence shows it.
namespace dync::names {

struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;  // bytes; 0: there is no valid UTF-8 here
};
// The code point at `offset`. Overlong forms, surrogates and anything above U+10FFFF are not UTF-8.
CodePoint code_point_at(std::string_view text, std::size_t offset);

// Where the first byte stands that is no UTF-8, or a character that YAML calls unprintable (controls but tab
// and line ends); text.size() if there is none.
std::size_t first_unprintable(std::string_view text);

// Controls, bidi overrides and isolates, line separators: they make a name look like another one.
bool is_deceptive(char32_t code_point);

// The text between single quotes, about `most` bytes of it, on one line: what is deceptive or no UTF-8
// becomes \x.. or \u....
inline constexpr std::size_t kMostQuoted = 80;
std::string quote(std::string_view text, std::size_t most = kMostQuoted);

// "one, two, three"
std::string joined(const std::vector<std::string>& words);

}  // namespace dync::names
