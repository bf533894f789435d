#include <gtest/gtest.h>

#include "proto/transport/socket.h"

namespace dync::transport {
namespace {

using Key = std::array<std::byte, 32>;

Key key_of(const std::array<unsigned, 32>& numbers) {
  Key key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::byte>(numbers[i]);
  return key;
}

// RFC 32, its two test cases; the first is 8 bytes long and stands here four times.
const Key kHello =
    key_of({0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B, 0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B,
            0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B, 0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B});
const Key kSecret =
    key_of({0x8E, 0x0B, 0xDD, 0x69, 0x76, 0x28, 0xB9, 0x1D, 0x8F, 0x24, 0x55, 0x87, 0xEE, 0x95, 0xC5, 0xB0,
            0x4D, 0x48, 0x96, 0x3F, 0x79, 0x25, 0x98, 0x77, 0xB4, 0x9C, 0xD9, 0x06, 0x3A, 0xEA, 0xD3, 0xB7});

TEST(Z85, EncodesTheStandardsVectors) {
  EXPECT_EQ(z85_encode(kHello), "HelloWorldHelloWorldHelloWorldHelloWorld");
  EXPECT_EQ(z85_encode(kSecret), "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6");
}

TEST(Z85, DecodesTheStandardsVectors) {
  Key key{};
  ASSERT_TRUE(z85_decode("HelloWorldHelloWorldHelloWorldHelloWorld", key));
  EXPECT_EQ(key, kHello);
  ASSERT_TRUE(z85_decode("JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6", key));
  EXPECT_EQ(key, kSecret);
}

TEST(Z85, RefusesAllElse) {
  const std::string good = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";
  Key key{};
  EXPECT_FALSE(z85_decode("", key));
  EXPECT_FALSE(z85_decode(good.substr(1), key));
  EXPECT_FALSE(z85_decode(good + "00000", key));
  for (const char bad : {' ', '"', '\'', ',', ';', '\\', '_', '`', '|', '~', '\n', '\0', '\x7f', '\xc3'}) {
    std::string text = good;
    text[17] = bad;
    EXPECT_FALSE(z85_decode(text, key)) << "letter " << int{bad};
  }
  EXPECT_TRUE(z85_decode("%nSc0" + good.substr(5), key));
  EXPECT_FALSE(z85_decode("%nSc1" + good.substr(5), key)) << "more than 32 bits";
  EXPECT_FALSE(z85_decode("#####" + good.substr(5), key)) << "more than 32 bits";
}

}  // namespace
}  // namespace dync::transport
