#include "proto/keys/curve.h"

#include <array>
#include <cstddef>
#include <sodium.h>
#include <span>
#include <stdexcept>
#include <utility>

#include "proto/digest/sha256.h"
#include "proto/transport/socket.h"

namespace dync::keys {
namespace {

using Key = std::array<std::byte, 32>;
static_assert(crypto_box_PUBLICKEYBYTES == 32 && crypto_box_SECRETKEYBYTES == 32);

unsigned char* bytes(Key& key) {
  return reinterpret_cast<unsigned char*>(key.data());
}

void start() {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot start: the system gives no random bytes");
}

Key raw(std::string_view z85) {
  Key key{};
  if (!transport::z85_decode(z85, key)) throw std::invalid_argument("a key is not Z85 of 32 bytes");
  return key;
}

}  // namespace

Certificate generate(std::string user_id) {
  start();
  Key public_key{};
  Key secret_key{};
  crypto_box_keypair(bytes(public_key), bytes(secret_key));
  Certificate made{std::move(user_id), transport::z85_encode(public_key), transport::z85_encode(secret_key)};
  sodium_memzero(secret_key.data(), secret_key.size());
  return made;
}

bool is_pair(const Certificate& certificate) {
  start();
  Key secret_key = raw(certificate.secret_key);
  Key derived{};
  crypto_scalarmult_base(bytes(derived), bytes(secret_key));
  sodium_memzero(secret_key.data(), secret_key.size());
  return derived == raw(certificate.public_key);
}

std::string fingerprint(const Certificate& certificate) {
  digest::Sha256 sha256;
  sha256.update(raw(certificate.public_key));
  const digest::Digest digest = sha256.value();
  constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
  std::array<char, sodium_base64_ENCODED_LEN(sizeof(digest), kVariant)> base64{};
  sodium_bin2base64(base64.data(), base64.size(), reinterpret_cast<const unsigned char*>(digest.data()),
                    digest.size(), kVariant);
  return std::string("SHA256:") + base64.data();
}

}  // namespace dync::keys
