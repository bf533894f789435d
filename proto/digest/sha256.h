#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace dync::digest {

// SHA-256 (FIPS 180-4) as raw bytes and as 64 lower-case hex digits.
using Digest = std::array<std::byte, 32>;
std::string to_hex(const Digest& digest);
std::optional<Digest> from_hex(std::string_view hex);  // exactly 64 digits of either case

// A SHA-256 in the middle of a message: what is needed to go on from there, in another process too.
struct Midstate {
  std::uint64_t length = 0;              // bytes so far, a multiple of kBlockBytes
  std::array<std::uint32_t, 8> words{};  // FIPS 180-4's H0 to H7
  bool operator==(const Midstate&) const = default;
};
inline constexpr std::uint64_t kBlockBytes = 64;

// A running SHA-256. A copy goes on by itself, so a copy taken before doubtful bytes undoes them.
class Sha256 {
 public:
  Sha256();
  // Goes on from there. Throws std::invalid_argument for a length that is no multiple of kBlockBytes.
  explicit Sha256(const Midstate& midstate);
  Sha256(const Sha256& other);
  Sha256& operator=(const Sha256& other);
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  void update(std::span<const std::byte> bytes);
  std::uint64_t length() const noexcept { return length_; }  // bytes so far
  // The digest of all bytes so far; the running state is untouched.
  Digest value() const;
  // Nothing unless length() is a multiple of kBlockBytes.
  std::optional<Midstate> midstate() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::uint64_t length_ = 0;
};

}  // namespace dync::digest
