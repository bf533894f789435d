#include "proto/digest/sha256.h"

#include <gtest/gtest.h>
#include <string>

namespace dync::digest {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string hex_of(std::string_view text) {
  Sha256 hash;
  hash.update(bytes_of(text));
  return to_hex(hash.value());
}

// FIPS 180-4 and its example vectors.
TEST(Sha256, GivesTheStandardsVectors) {
  EXPECT_EQ(hex_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex_of(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, IsTheSameInPieces) {
  const std::string text(100'000, 'x');
  Sha256 hash;
  for (std::size_t at = 0; at < text.size(); at += 77)
    hash.update(bytes_of(std::string_view(text).substr(at, 77)));
  EXPECT_EQ(to_hex(hash.value()), hex_of(text));
  EXPECT_EQ(hash.length(), text.size());
}

TEST(Sha256, GoesOnFromItsMidstate) {
  std::string text;
  for (std::size_t i = 0; i < 70'000; ++i) text += static_cast<char>(i * 7 + i / 256);
  for (const std::size_t at : {std::size_t{0}, std::size_t{64}, std::size_t{4096}, std::size_t{65'536}}) {
    for (const std::size_t end : {at, at + 1, at + 55, at + 56, at + 63, at + 64, std::size_t{70'000}}) {
      Sha256 first;
      first.update(bytes_of(std::string_view(text).substr(0, at)));
      const auto midstate = first.midstate();
      ASSERT_TRUE(midstate);
      EXPECT_EQ(midstate->length, at);
      Sha256 second(*midstate);
      second.update(bytes_of(std::string_view(text).substr(at, end - at)));
      EXPECT_EQ(to_hex(second.value()), hex_of(text.substr(0, end))) << at << " " << end;
      EXPECT_EQ(second.length(), end);
    }
  }
}

TEST(Sha256, HasAMidstateOnlyBetweenBlocks) {
  Sha256 hash;
  hash.update(bytes_of("x"));
  EXPECT_FALSE(hash.midstate());
  hash.update(bytes_of(std::string(63, 'x')));
  EXPECT_TRUE(hash.midstate());
  EXPECT_THROW(Sha256(Midstate{.length = 65, .words = {}}), std::invalid_argument);
}

TEST(Sha256, ValueLeavesTheRunningStateAlone) {
  Sha256 hash;
  hash.update(bytes_of("ab"));
  EXPECT_EQ(to_hex(hash.value()), hex_of("ab"));
  EXPECT_EQ(to_hex(hash.value()), hex_of("ab"));
  hash.update(bytes_of("c"));
  EXPECT_EQ(to_hex(hash.value()), hex_of("abc"));
}

TEST(Sha256, ACopyGoesOnByItself) {
  Sha256 hash;
  hash.update(bytes_of("good"));
  Sha256 before = hash;
  hash.update(bytes_of("doubtful"));
  EXPECT_EQ(to_hex(before.value()), hex_of("good"));
  EXPECT_EQ(before.length(), 4U);
  hash = before;
  hash.update(bytes_of(" and better"));
  EXPECT_EQ(to_hex(hash.value()), hex_of("good and better"));
  EXPECT_EQ(to_hex(before.value()), hex_of("good"));
  EXPECT_EQ(hash.length(), 15U);
}

TEST(Hex, GoesBothWays) {
  Sha256 hash;
  const auto text = to_hex(hash.value());
  EXPECT_EQ(from_hex(text), hash.value());
  EXPECT_EQ(from_hex("E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"), hash.value());
}

TEST(Hex, TakesNothingElse) {
  const std::string good(64, 'a');
  EXPECT_TRUE(from_hex(good));
  EXPECT_FALSE(from_hex(""));
  EXPECT_FALSE(from_hex(good.substr(1)));
  EXPECT_FALSE(from_hex(good + "a"));
  EXPECT_FALSE(from_hex(good.substr(1) + "g"));
  EXPECT_FALSE(from_hex("0x" + good.substr(2)));
  EXPECT_FALSE(from_hex(good.substr(1) + " "));
}

}  // namespace
}  // namespace dync::digest
