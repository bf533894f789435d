#include "schema/config/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "tests/unit/config/sample.h"

namespace dync::config {
namespace {

std::string with(const std::string& key, std::uint64_t value) {
  const std::size_t dot = key.find('.');
  return kLeast + key.substr(0, dot) + ": {" + key.substr(dot + 1) + ": " + std::to_string(value) + "}\n";
}

TEST(Parameters, EachHasAReasonAndADefaultWithinItsRange) {
  std::set<std::string> keys;
  for (const Parameter& row : parameters()) {
    EXPECT_TRUE(keys.insert(row.key).second) << row.key;
    EXPECT_GT(std::string(row.reason).size(), 10U) << row.key;
    if (row.fallback) {
      EXPECT_GE(*row.fallback, row.least) << row.key;
      EXPECT_LE(*row.fallback, row.most) << row.key;
    } else {
      EXPECT_STRNE(row.fallback_text, "") << row.key;
    }
  }
}

TEST(Parameters, BothEndsOfEachRangeAreTakenAndTheNextAreNot) {
  for (const Parameter& row : parameters()) {
    if (row.set == nullptr) continue;
    EXPECT_EQ(complaint(with(row.key, row.least)), "") << row.key;
    EXPECT_EQ(complaint(with(row.key, row.most)), "") << row.key;
    EXPECT_THAT(complaint(with(row.key, row.most + 1)), testing::HasSubstr("write a number")) << row.key;
    if (row.least == 0) continue;
    EXPECT_THAT(complaint(with(row.key, row.least - 1)), testing::HasSubstr("write a number")) << row.key;
  }
}

TEST(Parameters, MarkdownHasARowForEach) {
  const std::string table = parameters_as_markdown();
  EXPECT_TRUE(table.starts_with("| setting | unit | default | range | why |\n|---|---|---|---|---|\n"));
  EXPECT_THAT(table,
              testing::HasSubstr(
                  "| `flow.chunk_size` | bytes | 1048576 (1 MiB) | 4096 (4 KiB) to 1048576 (1 MiB) |"));
  EXPECT_THAT(table, testing::HasSubstr("| `limits.partial_ttl` | seconds | 604800 (7 days) |"));
  EXPECT_THAT(table, testing::HasSubstr("| `keys.dir` | path | `~/.dync` | absolute path |"));
  EXPECT_EQ(static_cast<std::size_t>(std::count(table.begin(), table.end(), '\n')), parameters().size() + 2);
}

}  // namespace
}  // namespace dync::config
