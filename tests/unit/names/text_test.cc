#include "schema/names/text.h"

#include <gtest/gtest.h>

namespace dync::names {
namespace {

TEST(Utf8, EachLengthIsRead) {
  EXPECT_EQ(code_point_at("a", 0).value, U'a');
  EXPECT_EQ(code_point_at("\xc3\xa4", 0).value, U'\u00e4');
  EXPECT_EQ(code_point_at("\xe2\x82\xac", 0).value, U'\u20ac');
  EXPECT_EQ(code_point_at("\xf0\x9f\x98\x80", 0).value, U'\U0001f600');
  EXPECT_EQ(code_point_at("\xf4\x8f\xbf\xbf", 0).value, U'\U0010ffff');
}

TEST(Utf8, WhatIsNoneIsRefused) {
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xc3(", "\xf0\x9f\x98"}) {
    EXPECT_EQ(code_point_at(bad, 0).length, 0U) << quote(bad);
  }
  EXPECT_EQ(code_point_at("", 0).length, 0U);
}

TEST(Unprintable, IsFoundWhereItStands) {
  EXPECT_EQ(first_unprintable("all\tfine\r\n"), 10U);
  EXPECT_EQ(first_unprintable("ab\x04"), 2U);
  EXPECT_EQ(first_unprintable(std::string_view("a\0b", 3)), 1U);
  EXPECT_EQ(first_unprintable("\xc3\xa4\x7f"), 2U);
  EXPECT_EQ(first_unprintable("ab\xff"), 2U);
}

TEST(Quote, ShowsPlainTextAsItIs) {
  EXPECT_EQ(quote("m\xc3\xa4use 1.pdf"), "'m\xc3\xa4use 1.pdf'");
  EXPECT_EQ(quote(""), "''");
}

TEST(Quote, NeverBreaksTheLineNorTurnsTheText) {
  EXPECT_EQ(quote(std::string_view("a\nb\0c", 5)), "'a\\u000ab\\u0000c'");
  EXPECT_EQ(quote("x\xe2\x80\xaegpj.exe"), "'x\\u202egpj.exe'");
  EXPECT_EQ(quote("a\xff"), "'a\\xff'");
}

TEST(Quote, CutsWhatIsLong) {
  const std::string shown = quote(std::string(60000, 'a'));
  EXPECT_LT(shown.size(), 100U);
  EXPECT_TRUE(shown.ends_with("a…'"));
}

}  // namespace
}  // namespace dync::names
