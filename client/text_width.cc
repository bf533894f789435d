#include "client/text_width.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

namespace dync::client {

namespace {

struct Range {
  std::uint32_t first, last;
};

// Nonspacing marks and joiners of the scripts in common use (Unicode 15, categories Mn, Me, Cf).
constexpr std::array<Range, 27> kZeroWidth{
    {{0x0300, 0x036F}, {0x0483, 0x0489},  {0x0591, 0x05BD}, {0x05BF, 0x05BF}, {0x05C1, 0x05C2},
     {0x0610, 0x061A}, {0x064B, 0x065F},  {0x0670, 0x0670}, {0x06D6, 0x06DC}, {0x093A, 0x093A},
     {0x093C, 0x093C}, {0x0941, 0x0948},  {0x094D, 0x094D}, {0x0E31, 0x0E31}, {0x0E34, 0x0E3A},
     {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF},  {0x1DC0, 0x1DFF}, {0x200B, 0x200D}, {0x2060, 0x2064},
     {0x20D0, 0x20F0}, {0x302A, 0x302D},  {0x3099, 0x309A}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},
     {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF}}};

// East Asian Width W and F (Unicode Annex 11).
constexpr std::array<Range, 16> kWide{{{0x1100, 0x115F},
                                       {0x231A, 0x231B},
                                       {0x2329, 0x232A},
                                       {0x23E9, 0x23EC},
                                       {0x2E80, 0x303E},
                                       {0x3041, 0x33FF},
                                       {0x3400, 0x4DBF},
                                       {0x4E00, 0x9FFF},
                                       {0xA000, 0xA4CF},
                                       {0xAC00, 0xD7A3},
                                       {0xF900, 0xFAFF},
                                       {0xFE30, 0xFE6F},
                                       {0xFF00, 0xFF60},
                                       {0xFFE0, 0xFFE6},
                                       {0x1F300, 0x1FAFF},
                                       {0x20000, 0x3FFFD}}};

bool within(const auto& ranges, std::uint32_t code) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& range) { return code >= range.first && code <= range.last; });
}

bool is_control(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
         (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0x200E ||
         code == 0x200F;
}

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

// The length that the first byte announces, 0 if it can't begin a code point.
std::size_t announced(std::uint8_t first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

bool well_formed(std::uint32_t code, std::size_t bytes) {
  static constexpr std::array<std::uint32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
  return code >= kLeast.at(bytes) && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

std::size_t start_of_last(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && (byte_at(text, at) & 0xC0U) == 0x80) --at;
  return at;
}

}  // namespace

Glyph first_glyph(std::string_view text) {
  constexpr Glyph kBroken{1, 1, false, true};
  const std::size_t bytes = announced(byte_at(text, 0));
  if (bytes == 0 || bytes > text.size()) return kBroken;
  std::uint32_t code = byte_at(text, 0) & (bytes == 1 ? 0x7FU : 0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte_at(text, i) & 0xC0U) != 0x80) return kBroken;
    code = (code << 6U) | (byte_at(text, i) & 0x3FU);
  }
  if (!well_formed(code, bytes)) return kBroken;
  const std::size_t columns = within(kZeroWidth, code) ? 0 : within(kWide, code) ? 2 : 1;
  return {bytes, columns, true, is_control(code)};
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Glyph glyph = first_glyph(text);
    columns += glyph.columns;
    text.remove_prefix(glyph.bytes);
  }
  return columns;
}

std::string fit(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  const std::size_t head_columns = (columns - 1) / 2;
  std::size_t used = 0;
  std::size_t head = 0;
  while (head < text.size()) {
    const Glyph glyph = first_glyph(text.substr(head));
    if (used + glyph.columns > head_columns) break;
    used += glyph.columns;
    head += glyph.bytes;
  }
  std::string_view tail;
  for (std::size_t at = text.size(), taken = 0; at > head;) {
    at = start_of_last(text.substr(0, at));
    taken += first_glyph(text.substr(at)).columns;
    if (used + 1 + taken > columns) break;
    tail = text.substr(at);
  }
  while (!tail.empty() && first_glyph(tail).columns == 0) tail.remove_prefix(first_glyph(tail).bytes);
  return std::string(text.substr(0, head)) + "…" + std::string(tail);
}

}  // namespace dync::client
