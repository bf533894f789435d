#include "proto/wire/id.h"

#include <algorithm>
#include <cstdint>

namespace dync::wire {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

// Upper-case digits are none: one id has one text.
std::optional<unsigned> nibble(char digit) {
  const std::size_t value = kDigits.find(digit);
  if (value == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned>(value);
}

}  // namespace

Id Id::uuid4(std::array<std::byte, kBytes> random) {
  random[6] = (random[6] & std::byte{0x0f}) | std::byte{0x40};
  random[8] = (random[8] & std::byte{0x3f}) | std::byte{0x80};
  return Id(random);
}

std::optional<Id> Id::from_hex(std::string_view hex) {
  if (hex.size() != 2 * kBytes) return std::nullopt;
  std::array<std::byte, kBytes> bytes{};
  for (std::size_t i = 0; i < kBytes; ++i) {
    const auto high = nibble(hex[2 * i]);
    const auto low = nibble(hex[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    bytes[i] = static_cast<std::byte>((*high << 4) | *low);
  }
  return Id(bytes);
}

std::optional<Id> Id::from_bytes(std::span<const std::byte> bytes) {
  if (bytes.size() != kBytes) return std::nullopt;
  std::array<std::byte, kBytes> copy{};
  std::copy(bytes.begin(), bytes.end(), copy.begin());
  return Id(copy);
}

std::string Id::hex() const {
  std::string text;
  text.reserve(2 * kBytes);
  for (const std::byte byte : bytes_) {
    text += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    text += kDigits[std::to_integer<std::size_t>(byte & std::byte{0x0f})];
  }
  return text;
}

}  // namespace dync::wire

// FNV-1a
std::size_t std::hash<dync::wire::Id>::operator()(const dync::wire::Id& id) const noexcept {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (const std::byte byte : id.bytes()) {
    sum = (sum ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3;
  }
  return static_cast<std::size_t>(sum);
}
