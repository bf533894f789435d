#include "proto/service/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <vector>

namespace dync::service {
namespace {

std::string value_of(std::string_view text) {
  return Field("x", text).value;
}

TEST(Log, ALineIsItsEventAndItsFields) {
  std::vector<std::string> lines;
  const Log log([&](Level, const std::string& line) { lines.push_back(line); });
  log.info("upload.opened",
           {{"upload", "0123"}, {"user", std::string("lab1")}, {"bytes", 4096}, {"delta", -1}});
  log.warning("plain");
  EXPECT_THAT(lines,
              testing::ElementsAre("upload.opened upload=0123 user=lab1 bytes=4096 delta=-1", "plain"));
}

TEST(Log, ShowsFromItsLevelOn) {
  std::vector<Level> levels;
  Log log([&](Level level, const std::string&) { levels.push_back(level); });
  log.debug("hidden");
  log.info("shown");
  log.show_from(Level::error);
  log.warning("hidden");
  log.error("shown");
  EXPECT_THAT(levels, testing::ElementsAre(Level::info, Level::error));
}

TEST(Log, PlainWordsStayAsTheyAre) {
  EXPECT_EQ(value_of("lab1"), "lab1");
  EXPECT_EQ(value_of("/data/x-1_2.raw,v:3"), "/data/x-1_2.raw,v:3");
}

TEST(Log, OtherTextIsQuoted) {
  EXPECT_EQ(value_of(""), "\"\"");
  EXPECT_EQ(value_of("two words"), "\"two words\"");
  EXPECT_EQ(value_of("a=b"), "\"a=b\"");
  EXPECT_EQ(value_of("Messung ü"), "\"Messung ü\"");
  EXPECT_EQ(value_of("say \"hi\" \\ now"), R"("say \"hi\" \\ now")");
}

TEST(Log, NothingCanForgeALine) {
  EXPECT_EQ(value_of("x\nupload.committed upload=1"), R"("x\nupload.committed upload=1")");
  EXPECT_EQ(value_of("x\r\ty"), R"("x\r\ty")");
  EXPECT_EQ(value_of(std::string_view("a\0b", 3)), R"("a\x00b")");
  EXPECT_EQ(value_of("\x1b[2J"), R"("\x1b[2J")");
  EXPECT_EQ(value_of("\x7f"), R"("\x7f")");
  EXPECT_EQ(value_of("x\" user=\"root"), R"("x\" user=\"root")");
  EXPECT_EQ(value_of("\xc2\x85"), R"("\xc2\x85")") << "NEL, a line end";
  EXPECT_EQ(value_of("\xe2\x80\xa8"), R"("\xe2\x80\xa8")") << "line separator";
  EXPECT_EQ(value_of("\xe2\x80\xae"), R"("\xe2\x80\xae")") << "right-to-left override";
}

TEST(Log, WhatIsNoUtf8IsShownAsBytes) {
  EXPECT_EQ(value_of("\xff"), R"("\xff")");
  EXPECT_EQ(value_of("\xc0\x8a"), R"("\xc0\x8a")") << "an overlong line end";
  EXPECT_EQ(value_of("\xe2\x80"), R"("\xe2\x80")") << "cut off";
  EXPECT_EQ(value_of("\xed\xa0\x80"), R"("\xed\xa0\x80")") << "a surrogate";
  EXPECT_EQ(value_of("\xf4\x90\x80\x80"), R"("\xf4\x90\x80\x80")") << "beyond Unicode";
  EXPECT_EQ(value_of("\xf0\x9f\x94\xac"), "\"\xf0\x9f\x94\xac\"") << "a letter of four bytes is fine";
}

TEST(Log, ALongTextIsCut) {
  const std::string value = value_of(std::string(5000, 'x'));
  EXPECT_EQ(value, "\"" + std::string(1000, 'x') + "…\"");
  EXPECT_EQ(value_of(std::string(1000, 'x')), std::string(1000, 'x'));
}

TEST(Log, StandardErrorGetsWholeLines) {
  testing::internal::CaptureStderr();
  const Log log(to_standard_error());
  log.error("config.bad", {{"key", "address"}});
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, testing::MatchesRegex("[-0-9]+T[0-9:.]+Z error config.bad key=address\n"));
}

}  // namespace
}  // namespace dync::service
