#include "proto/wire/id.h"

#include <gtest/gtest.h>
#include <unordered_set>

#include "proto/wire/utf8.h"
#include "tests/unit/wire/frames.h"

namespace dync::wire::id_test {
namespace {

TEST(WireId, HexAndBytes) {
  const std::string text = "000102030405060708090a0b0c0d0e0f";
  const auto id = Id::from_hex(text);
  ASSERT_TRUE(id);
  EXPECT_EQ(*id, tests::id(0));
  EXPECT_EQ(id->hex(), text);
  EXPECT_EQ(Id::from_bytes(id->bytes()), id);
  EXPECT_EQ(Id::from_hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")->hex(), "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
}

TEST(WireId, OnlyThirtyTwoLowerCaseDigits) {
  for (const char* text : {"", "000102030405060708090a0b0c0d0e0", "000102030405060708090a0b0c0d0e0f0",
                           "000102030405060708090A0b0c0d0e0f", "000102030405060708090a0b0c0d0e0g",
                           " 00102030405060708090a0b0c0d0e0f", "00010203-0405-0607-0809-0a0b0c0d"}) {
    EXPECT_FALSE(Id::from_hex(text)) << text;
  }
  EXPECT_FALSE(Id::from_bytes(std::vector<std::byte>(15)));
  EXPECT_FALSE(Id::from_bytes(std::vector<std::byte>(17)));
}

TEST(WireId, Uuid4SetsVersionAndVariantAndNothingElse) {
  std::array<std::byte, Id::kBytes> random{};
  EXPECT_EQ(Id::uuid4(random).hex(), "00000000000040008000000000000000");
  random.fill(std::byte{0xff});
  EXPECT_EQ(Id::uuid4(random).hex(), "ffffffffffff4fffbfffffffffffffff");
}

TEST(WireId, EmptyAndOrderAndHash) {
  EXPECT_TRUE(Id().empty());
  EXPECT_FALSE(tests::id(0).empty());
  EXPECT_LT(tests::id(1), tests::id(2));
  std::unordered_set<Id> set;
  for (unsigned char i = 0; i < 100; ++i) set.insert(tests::id(i));
  EXPECT_EQ(set.size(), 100U);
  EXPECT_TRUE(set.contains(tests::id(42)));
}

TEST(WireUtf8, AsTheRfcHasIt) {
  for (const char* good : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(valid_utf8(good));
    EXPECT_EQ(to_utf8(good), good);
  }
  for (const char* bad : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf",
                          "\xe0\xa0", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80", "\xfe", "\xff", "\xf0\x90\x80", "\xe2\x28\xa1"}) {
    EXPECT_FALSE(valid_utf8(bad));
    EXPECT_FALSE(valid_utf8("a" + std::string(bad) + "b"));
    EXPECT_TRUE(valid_utf8(to_utf8(bad)));
  }
  EXPECT_EQ(to_utf8("a\xff"
                    "b"),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_TRUE(valid_utf8(std::string_view("\0", 1)));
}

}  // namespace
}  // namespace dync::wire::id_test
