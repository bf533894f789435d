#include <array>
#include <cstring>

#include "proto/transport/native.h"

namespace dync::transport {

std::string z85_encode(std::span<const std::byte, 32> bytes) {
  std::array<char, 41> text{};
  if (!zmq_z85_encode(text.data(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()))
    fail("encode 32 bytes as Z85");
  return {text.data(), 40};
}

bool z85_decode(std::string_view text, std::span<std::byte, 32> into) {
  if (text.size() != 40 || text.find('\0') != std::string_view::npos) return false;
  const std::string terminated(text);
  std::array<std::uint8_t, 32> bytes{};
  if (!zmq_z85_decode(bytes.data(), terminated.c_str())) return false;
  std::memcpy(into.data(), bytes.data(), bytes.size());
  return true;
}

}  // namespace dync::transport
