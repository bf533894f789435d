#include "proto/wire/utf8.h"

#include <cstddef>

namespace dync::wire {
namespace {

bool in(char c, unsigned low, unsigned high) {
  const unsigned byte = static_cast<unsigned char>(c);
  return byte >= low && byte <= high;
}

bool tail(std::string_view text) {
  for (const char c : text) {
    if (!in(c, 0x80, 0xbf)) return false;
  }
  return true;
}

// The length of the sequence that `text` begins with, 0 if it is none (RFC 3629, section 4).
std::size_t sequence(std::string_view text) {
  const char first = text[0];
  if (in(first, 0x00, 0x7f)) return 1;
  if (text.size() < 2) return 0;
  const char second = text[1];
  if (in(first, 0xc2, 0xdf)) return in(second, 0x80, 0xbf) ? 2 : 0;
  if (in(first, 0xe0, 0xef)) {
    const unsigned low = in(first, 0xe0, 0xe0) ? 0xa0 : 0x80;   // shorter forms exist below
    const unsigned high = in(first, 0xed, 0xed) ? 0x9f : 0xbf;  // surrogates lie above
    return text.size() >= 3 && in(second, low, high) && tail(text.substr(2, 1)) ? 3 : 0;
  }
  if (in(first, 0xf0, 0xf4)) {
    const unsigned low = in(first, 0xf0, 0xf0) ? 0x90 : 0x80;
    const unsigned high = in(first, 0xf4, 0xf4) ? 0x8f : 0xbf;  // U+10FFFF
    return text.size() >= 4 && in(second, low, high) && tail(text.substr(2, 2)) ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string to_utf8(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const std::size_t length = sequence(text);
    clean += length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return clean;
}

}  // namespace dync::wire
