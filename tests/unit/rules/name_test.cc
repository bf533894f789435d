#include "schema/rules/name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/limits/limits.h"
#include "tests/unit/rules/refusal.h"

namespace dync::rules::name_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string cleaned(std::string_view name) {
  const auto clean = clean_name(name);
  const auto* text = std::get_if<std::string>(&clean);
  return text == nullptr ? said(clean) : *text;
}

TEST(CheckName, OrdinaryNamesPass) {
  for (const char* name : {"a", "a.pdf", "QQBIC001AH.raw", "with space.txt", "m\xc3\xa4use.txt", "a..b",
                           "-rf", "a\\b", "MARKER_is_finished_x", "\xe6\x97\xa5\xe6\x9c\xac"}) {
    EXPECT_EQ(said(check_name(name)), "") << name;
  }
  EXPECT_EQ(said(check_name(std::string(limits::kMaxName, 'a'))), "");
}

TEST(CheckName, EachRefusalSaysWhatToChange) {
  EXPECT_EQ(said(check_name("")), "400: the name is empty; give the file one");
  EXPECT_EQ(said(check_name("a/b")),
            "400: the name 'a/b' has a directory part; send only what follows the last /");
  EXPECT_EQ(said(check_name("/etc/passwd")),
            "400: the name '/etc/passwd' has a directory part; send only what follows the last /");
  EXPECT_EQ(said(check_name("..")), "400: the name '..' begins with a dot; send the file under another");
  EXPECT_EQ(said(check_name(".")), "400: the name '.' begins with a dot; send the file under another");
  EXPECT_EQ(said(check_name(".hidden")),
            "400: the name '.hidden' begins with a dot; send the file under another");
  EXPECT_EQ(said(check_name(".MARKER_is_finished_x")),
            "400: the name '.MARKER_is_finished_x' begins with a dot; send the file under another");
  EXPECT_EQ(
      said(check_name("source_dropbox.txt")),
      "400: the name 'source_dropbox.txt' is one that the server writes itself; send the file under another");
  EXPECT_EQ(said(check_name("a\xff")), "400: the name 'a\\xff' is not UTF-8; send the file under another");
  EXPECT_EQ(said(check_name(std::string_view("a\0b", 3))),
            "400: the name 'a\\u0000b' holds a control character or one that turns the direction of text; "
            "remove it");
  EXPECT_EQ(said(check_name("a\nb")),
            "400: the name 'a\\u000ab' holds a control character or one that turns the direction of text; "
            "remove it");
  EXPECT_EQ(said(check_name("x\xe2\x80\xaegpj.exe")),
            "400: the name 'x\\u202egpj.exe' holds a control character or one that turns the direction of "
            "text; remove it");
  EXPECT_EQ(said(check_name("x\x7f")),
            "400: the name 'x\\u007f' holds a control character or one that turns the direction of text; "
            "remove it");
}

TEST(CheckName, TooLongIsCountedInBytes) {
  EXPECT_THAT(said(check_name(std::string(limits::kMaxName + 1, 'a'))),
              testing::AllOf(StartsWith("400: the name 'aaaa"),
                             HasSubstr("has 201 bytes; shorten it to 200 at most")));
  EXPECT_THAT(said(check_name(std::string(60000, '\xff'))), HasSubstr("has 60000 bytes"));
  std::string umlauts;
  for (int i = 0; i < 101; ++i) umlauts += "\xc3\xa4";
  EXPECT_THAT(said(check_name(umlauts)), HasSubstr("has 202 bytes"));
}

TEST(SplitSuffix, IsPythonsSplitext) {
  using Parts = std::pair<std::string_view, std::string_view>;
  EXPECT_EQ(split_suffix("a.pdf"), Parts("a", ".pdf"));
  EXPECT_EQ(split_suffix("a.tar.gz"), Parts("a.tar", ".gz"));
  EXPECT_EQ(split_suffix("a"), Parts("a", ""));
  EXPECT_EQ(split_suffix("a."), Parts("a", "."));
  EXPECT_EQ(split_suffix(".hidden"), Parts(".hidden", ""));
  EXPECT_EQ(split_suffix(".hidden.txt"), Parts(".hidden", ".txt"));
  EXPECT_EQ(split_suffix("..a"), Parts("..a", ""));
  EXPECT_EQ(split_suffix("..."), Parts("...", ""));
  EXPECT_EQ(split_suffix(""), Parts("", ""));
}

TEST(CleanName, TheStemKeepsWhatIsAllowed) {
  EXPECT_EQ(cleaned("a.pdf"), "a.pdf");
  EXPECT_EQ(cleaned("my file (1).pdf"), "myfile1.pdf");
  EXPECT_EQ(cleaned("m\xc3\xa4use-2.txt"), "muse2.txt");
  EXPECT_EQ(cleaned("a b.tar.gz"), "ab.tar.gz");
  EXPECT_EQ(cleaned("a."), "a.");
  EXPECT_EQ(cleaned("-..a.txt"), "a.txt");
  EXPECT_EQ(cleaned("\xc3\xa4.b.txt"), "b.txt");
  EXPECT_EQ(cleaned(".hidden"), "hidden");
  EXPECT_EQ(cleaned("a/../b.txt"), "a..b.txt");
}

TEST(CleanName, NothingLeftIsRefused) {
  const std::string why = " has none of A-Z, a-z, 0-9 and _ before its suffix; rename the file";
  EXPECT_EQ(cleaned("\xc3\xa4\xc3\xb6.pdf"), "400: the name '\xc3\xa4\xc3\xb6.pdf'" + why);
  EXPECT_EQ(cleaned("..."), "400: the name '...'" + why);
  EXPECT_EQ(cleaned("-..pdf"), "400: the name '-..pdf'" + why);
  EXPECT_EQ(cleaned(""), "400: the name ''" + why);
}

TEST(CleanName, AnOddSuffixIsRefused) {
  EXPECT_EQ(cleaned("a.p-f"),
            "400: the suffix '.p-f' of the name 'a.p-f' may hold only A-Z, a-z, 0-9 and _; rename the file");
  EXPECT_THAT(cleaned("a.b c"), StartsWith("400: the suffix '.b c'"));
  EXPECT_THAT(cleaned("a.\xc3\xa4"), StartsWith("400: the suffix '.\xc3\xa4'"));
}

TEST(CleanName, NeverBecomesOneOfOurs) {
  EXPECT_EQ(
      cleaned("source-_dropbox.txt"),
      "400: the name 'source_dropbox.txt' is one that the server writes itself; send the file under another");
}

TEST(IsClean, OnlyWhatStaysAsItIs) {
  for (const char* name : {"a", "a.tar.gz", "A_1.x", "a."}) EXPECT_TRUE(is_clean(name)) << name;
  for (const char* name : {"", ".", "..", ".a", "a b", "a-b", "a/b", "source_dropbox.txt",
                           ".MARKER_is_finished_a", "\xc3\xa4", "a.b-c", "a\n"}) {
    EXPECT_FALSE(is_clean(name)) << name;
  }
  EXPECT_TRUE(is_clean(std::string(limits::kMaxName, 'a')));
  EXPECT_FALSE(is_clean(std::string(limits::kMaxName + 1, 'a')));
}

}  // namespace
}  // namespace dync::rules::name_test
