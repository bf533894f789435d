#include <gtest/gtest.h>

#include "tests/unit/config/sample.h"

namespace dync::config {
namespace {

Logging logging(const std::string& text) {
  return read(kLeast + "logging: " + text + "\n").logging;
}

TEST(Logging, TheLevelOfRootCounts) {
  EXPECT_EQ(logging("{root: {level: DEBUG}}").level, "DEBUG");
  EXPECT_EQ(logging("{root: {level: WARN}}").level, "WARNING");
  EXPECT_EQ(logging("{root: {level: CRITICAL}}").level, "ERROR");
  EXPECT_EQ(logging("{root: {level: 30}}").level, "WARNING");
  EXPECT_EQ(logging("{root: {level: 10}}").level, "DEBUG");
}

TEST(Logging, TheFileThatRootUsesCounts) {
  const Logging read = logging(
      "{root: {handlers: [b]}, handlers: {a: {filename: /a.log, maxBytes: 1}, b: {filename: /b.log, "
      "maxBytes: 2, "
      "backupCount: 3}}}");
  EXPECT_EQ(read.file, Path("/b.log"));
  EXPECT_EQ(read.max_bytes, 2U);
  EXPECT_EQ(read.backups, 3);
}

TEST(Logging, WithoutSuchTheFirstFileCounts) {
  EXPECT_EQ(logging("{handlers: {c: {class: x}, a: {filename: a.log}, b: {filename: b.log}}}").file,
            Path("/etc/a.log"));
}

TEST(Logging, AnythingIsAccepted) {
  for (const char* text :
       {"", "5", "word", "[]", "[{a: b}]", "{}", "{root: 5}", "{root: {level: [x]}}", "{root: {level: LOUD}}",
        "{handlers: 5}", "{handlers: [a]}", "{handlers: {a: 5}}", "{handlers: {a: {filename: 5}}}",
        "{handlers: {a: {filename: ''}}}", "{handlers: {5: {6: 7}}}", "{version: x, ext: {? 1 : 2}}"}) {
    const Logging read = logging(text);
    EXPECT_EQ(read.level, "INFO") << text;
    EXPECT_FALSE(read.file) << text;
  }
  const Logging odd = logging("{handlers: {a: {filename: /x, maxBytes: -5, backupCount: 99999999999}}}");
  EXPECT_EQ(odd.max_bytes, 0U);
  EXPECT_EQ(odd.backups, 10000);
}

}  // namespace
}  // namespace dync::config
