#include "proto/service/escape.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace dync::service {
namespace {

constexpr std::size_t kMost = 1000;

std::uint32_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

// A code point and its length in bytes, as UTF-8 (RFC 3629) has it; length 0 if it is none.
struct Letter {
  std::uint32_t code = 0;
  std::size_t length = 0;
};

Letter letter_of(std::string_view text) {
  constexpr std::array<std::uint32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
  const std::uint32_t first = byte_at(text, 0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return {};
  std::uint32_t code = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const std::uint32_t next = byte_at(text, i);
    if ((next & 0xC0U) != 0x80) return {};
    code = (code << 6) | (next & 0x3FU);
  }
  if (code < kLeast.at(length) || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, length};
}

bool within(std::uint32_t code, std::uint32_t first, std::uint32_t last) {
  return code >= first && code <= last;
}

// Control characters, line separators, and what turns the direction of the text around.
bool is_harmful(std::uint32_t code) {
  return code < 0x20 || within(code, 0x7F, 0x9F) || code == 0x061C || within(code, 0x200B, 0x200F) ||
         within(code, 0x2028, 0x202E) || within(code, 0x2060, 0x206F) || code == 0xFEFF ||
         within(code, 0xFFF9, 0xFFFB) || within(code, 0xE0000, 0xE007F);
}

bool is_plain(char letter) {
  return letter > ' ' && letter < 0x7F && letter != '"' && letter != '\\' && letter != '=';
}

void append_hex(std::string& to, std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (std::size_t i = 0; i < bytes.size(); ++i)
    to.append("\\x").append(1, kDigits[byte_at(bytes, i) >> 4]).append(1, kDigits[byte_at(bytes, i) & 15U]);
}

void append_letter(std::string& to, const Letter& letter, std::string_view bytes) {
  switch (letter.code) {
    case '"':
    case '\\':
      to.append("\\").append(bytes);
      break;
    case '\n':
      to.append("\\n");
      break;
    case '\r':
      to.append("\\r");
      break;
    case '\t':
      to.append("\\t");
      break;
    default:
      if (is_harmful(letter.code))
        append_hex(to, bytes);
      else
        to.append(bytes);
  }
}

}  // namespace

std::string escaped(std::string_view text) {
  if (!text.empty() && text.size() <= kMost && std::ranges::all_of(text, is_plain)) return std::string(text);
  std::string quoted = "\"";
  std::size_t at = 0;
  while (at < text.size() && at < kMost) {
    const auto rest = text.substr(at);
    const Letter letter = letter_of(rest);
    const auto bytes = rest.substr(0, std::max<std::size_t>(letter.length, 1));
    if (letter.length == 0)
      append_hex(quoted, bytes);
    else
      append_letter(quoted, letter, bytes);
    at += bytes.size();
  }
  return quoted + (at < text.size() ? "…\"" : "\"");
}

}  // namespace dync::service
