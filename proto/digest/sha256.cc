#include "proto/digest/sha256.h"

#include <cryptopp/sha.h>

namespace dync::digest {

struct Sha256::State {
  CryptoPP::SHA256 hash;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
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
  state_->hash.Update(reinterpret_cast<const CryptoPP::byte*>(bytes.data()), bytes.size());
  length_ += bytes.size();
}

Digest Sha256::value() const {
  CryptoPP::SHA256 last = state_->hash;  // Final() ends a state
  Digest digest;
  last.Final(reinterpret_cast<CryptoPP::byte*>(digest.data()));
  return digest;
}

}  // namespace dync::digest
