#include "schema/rules/pattern.h"

#include <chrono>
#include <gtest/gtest.h>

namespace dync::rules::pattern_test {
namespace {

Match match(std::string_view regexp, std::string_view text) {
  return Pattern(regexp).match(text);
}

std::string error(std::string_view regexp) {
  try {
    const Pattern pattern(regexp);
    return "";
  } catch (const PatternError& e) {
    return e.what();
  }
}

// As Python's re.match.
TEST(Pattern, IsAnchoredAtTheStartOnly) {
  EXPECT_EQ(match("abc", "abcdef"), Match::yes);
  EXPECT_EQ(match("bc", "abc"), Match::no);
  EXPECT_EQ(match(".*bc", "abc"), Match::yes);
  EXPECT_EQ(match("a|b", "cb"), Match::no);
  EXPECT_EQ(match("", ""), Match::yes);
}

TEST(Pattern, TheOriginalsExampleFits) {
  EXPECT_EQ(match("(.|\\n)*\\.pdf$", "report.pdf"), Match::yes);
  EXPECT_EQ(match("(.|\\n)*\\.pdf$", "report.pdf.exe"), Match::no);
}

TEST(Pattern, ClassesAreUnicode) {
  EXPECT_EQ(match("\\w+\\Z", "m\xc3\xa4use"), Match::yes);
  EXPECT_EQ(match("...\\Z", "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"), Match::yes);
}

TEST(Pattern, CapitalZIsTheVeryEnd) {
  EXPECT_EQ(match("a\\Z", "a"), Match::yes);
  EXPECT_EQ(match("a\\Z", "a\n"), Match::no);
  EXPECT_EQ(match("a$", "a\n"), Match::yes);
}

TEST(Pattern, PythonsNotationIsTranslated) {
  EXPECT_EQ(to_pcre("a\\Z"), "a\\z");
  EXPECT_EQ(to_pcre("a\\\\Z"), "a\\\\Z");
  EXPECT_EQ(to_pcre("\\u00e4\\U0001f600"), "\\x{00e4}\\x{0001f600}");
  EXPECT_EQ(to_pcre("\\u00"), "\\u00");
  EXPECT_EQ(to_pcre("a{,3}"), "a{0,3}");
  EXPECT_EQ(to_pcre("a{,}"), "a{,}");
  EXPECT_EQ(to_pcre("[{,3}]"), "[{,3}]");
  EXPECT_EQ(to_pcre("a\\{,3}"), "a\\{,3}");
  EXPECT_EQ(to_pcre("a\\"), "a\\");
  EXPECT_EQ(match("a{,3}\\Z", "aaa"), Match::yes);
  EXPECT_EQ(match("a{,3}\\Z", "aaaa"), Match::no);
  EXPECT_EQ(match("(?P<x>a)(?P=x)", "aa"), Match::yes);
}

TEST(Pattern, WhatIsNoneIsToldWithItsPlace) {
  EXPECT_EQ(error("a("), "missing closing parenthesis at character 2");
  EXPECT_EQ(error("*"), "quantifier does not follow a repeatable item at character 0");
  EXPECT_NE(error("[a"), "");
  EXPECT_NE(error("\\"), "");
  EXPECT_NE(error("\xff"), "");
  EXPECT_NE(error("\\C"), "");
}

TEST(Pattern, HostileOnesAreRefusedAtCompileTime) {
  EXPECT_NE(error(std::string(60000, 'a')), "");
  EXPECT_NE(error(std::string(10000, '(')), "");
  EXPECT_NE(error("((((a{1000}){1000}){1000}){1000})"), "");
}

TEST(Pattern, RunawayMatchesGiveUpSoon) {
  const std::string bees(60000, 'b');
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(match("^(a|b)*$", bees + "\x01"), Match::gave_up);
  EXPECT_EQ(match("^(a|b)*$", std::string(200, 'b')), Match::yes);
  EXPECT_EQ(match("(a+)+$", std::string(40, 'a') + "b"), Match::gave_up);
  EXPECT_EQ(match("(.*)*(.*)*(.*)*[^a]", std::string(200, 'a')), Match::gave_up);
  EXPECT_EQ(match("(?R)", "a"), Match::gave_up);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(Pattern, BytesThatAreNoUtf8NeverFit) {
  EXPECT_EQ(match(".*", "a\xff"), Match::gave_up);
}

}  // namespace
}  // namespace dync::rules::pattern_test
