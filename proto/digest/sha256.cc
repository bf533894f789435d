#include "proto/digest/sha256.h"

#include <algorithm>
#include <cryptopp/sha.h>
#include <stdexcept>

namespace dync::digest {
namespace {

constexpr std::size_t kLengthBytes = 8;

// 0x80, zeros, and the message's length in bits: FIPS 180-4, section 5.1.1.
std::span<const std::byte> padding(std::uint64_t length, std::array<std::byte, 2 * kBlockBytes>& room) {
  const std::uint64_t rest = (length + 1 + kLengthBytes) % kBlockBytes;
  const std::uint64_t zeros = rest == 0 ? 0 : kBlockBytes - rest;
  room.fill(std::byte{0});
  room[0] = std::byte{0x80};
  const std::span used = std::span(room).first(static_cast<std::size_t>(1 + zeros + kLengthBytes));
  for (std::size_t i = 0; i < kLengthBytes; ++i)
    used[used.size() - 1 - i] = static_cast<std::byte>((length * 8) >> (8 * i));
  return used;
}

}  // namespace

// Crypto++ counts the bytes itself and can't be told of those before, so the end is padded here; all it does
// is to keep an unfinished block and to run over whole ones.
struct Sha256::State : CryptoPP::SHA256 {
  void take(std::span<const std::byte> bytes) {
    Update(reinterpret_cast<const CryptoPP::byte*>(bytes.data()), bytes.size());
  }
  std::span<CryptoPP::word32, 8> words() { return std::span<CryptoPP::word32, 8>(StateBuf(), 8); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::Sha256(const Midstate& midstate) : Sha256() {
  if (midstate.length % kBlockBytes != 0)
    throw std::invalid_argument("a SHA-256 goes on only at multiples of 64 bytes");
  std::copy(midstate.words.begin(), midstate.words.end(), state_->words().begin());
  length_ = midstate.length;
}
Sha256::Sha256(const Sha256& other)
    : state_(std::make_unique<State>(*other.state_)), length_(other.length_) {}

Sha256& Sha256::operator=(const Sha256& other) {
  if (this == &other) return *this;
  state_ = std::make_unique<State>(*other.state_);
  length_ = other.length_;
  return *this;
}

Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) {
  state_->take(bytes);
  length_ += bytes.size();
}

Digest Sha256::value() const {
  State last = *state_;
  std::array<std::byte, 2 * kBlockBytes> room{};
  last.take(padding(length_, room));
  Digest digest;
  for (std::size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<std::byte>(last.words()[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

std::optional<Midstate> Sha256::midstate() const {
  if (length_ % kBlockBytes != 0) return std::nullopt;
  Midstate midstate{.length = length_, .words = {}};
  const auto words = state_->words();
  std::copy(words.begin(), words.end(), midstate.words.begin());
  return midstate;
}

}  // namespace dync::digest
