#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace dync::wire {

// 16 bytes that name an upload (upload_id, a uuid4) or a client's upload key; 32 lower-case hex digits as
// text.
class Id {
 public:
  static constexpr std::size_t kBytes = 16;

  Id() = default;
  explicit Id(const std::array<std::byte, kBytes>& bytes) : bytes_(bytes) {}
  // Makes `random` a uuid4 (RFC 4122: version and variant bits).
  static Id uuid4(std::array<std::byte, kBytes> random);
  static std::optional<Id> from_hex(std::string_view hex);  // exactly 32 digits
  static std::optional<Id> from_bytes(std::span<const std::byte> bytes);

  std::string hex() const;
  const std::array<std::byte, kBytes>& bytes() const noexcept { return bytes_; }
  bool empty() const noexcept { return bytes_ == std::array<std::byte, kBytes>{}; }
  auto operator<=>(const Id&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 misreads <=>

 private:
  std::array<std::byte, kBytes> bytes_{};
};

}  // namespace dync::wire

template <>
struct std::hash<dync::wire::Id> {
  std::size_t operator()(const dync::wire::Id& id) const noexcept;
};
