#include "schema/names/text.h"

#include <array>
#include <cstdint>

namespace dync::names {
namespace {

struct Lead {
  std::size_t length;
  char32_t bits;
  char32_t least;  // below it the form is overlong
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {1, byte, 0};
  if (byte >= 0xc2 && byte <= 0xdf) return {2, byte & 0x1fU, 0x80};
  if (byte >= 0xe0 && byte <= 0xef) return {3, byte & 0x0fU, 0x800};
  if (byte >= 0xf0 && byte <= 0xf4) return {4, byte & 0x07U, 0x10000};
  return {0, 0, 0};
}

std::string hex(char32_t value, int digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) text += kDigits[(value >> shift) & 0xfU];
  return text;
}

}  // namespace

CodePoint code_point_at(std::string_view text, std::size_t offset) {
  if (offset >= text.size()) return {};
  const Lead lead = lead_of(static_cast<unsigned char>(text[offset]));
  if (lead.length == 0 || lead.length > text.size() - offset) return {};
  char32_t value = lead.bits;
  for (std::size_t i = 1; i < lead.length; ++i) {
    const auto byte = static_cast<unsigned char>(text[offset + i]);
    if ((byte & 0xc0U) != 0x80) return {};
    value = (value << 6) | (byte & 0x3fU);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < lead.least || value > 0x10ffff || surrogate) return {};
  return {value, lead.length};
}

std::size_t first_unprintable(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto [c, length] = code_point_at(text, at);
    const bool line = c == '\t' || c == '\n' || c == '\r' || c == 0x85;
    const bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
    if (length == 0 || (control && !line) || c == 0xfffe || c == 0xffff) return at;
    at += length;
  }
  return text.size();
}

bool is_deceptive(char32_t c) {
  const bool control = c < 0x20 || (c >= 0x7f && c < 0xa0);
  const bool bidi = c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
                    (c >= 0x2066 && c <= 0x2069);
  return control || bidi || c == 0x2028 || c == 0x2029;
}

std::string quote(std::string_view text, std::size_t most) {
  std::string shown = "'";
  for (std::size_t at = 0; at < text.size();) {
    if (shown.size() > most) return shown + "…'";
    const auto [c, length] = code_point_at(text, at);
    if (length == 0) {
      shown += "\\x" + hex(static_cast<unsigned char>(text[at]), 2);
    } else if (is_deceptive(c)) {
      shown += "\\u" + hex(c, 4);
    } else {
      shown += text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return shown + "'";
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

}  // namespace dync::names
