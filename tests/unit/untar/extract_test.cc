#include <gtest/gtest.h>

#include "schema/limits/untar_exit.h"
#include "tests/unit/untar/archives.h"

namespace dync::untar::extract_test {
namespace {

using namespace limits::untar_exit;
using Tree = std::map<std::string, std::string>;

Raw file(const std::string& name, const std::string& data) {
  return {.name = name, .data = data, .link = {}, .size = {}};
}
Raw directory(const std::string& name) {
  return {.name = name, .type = '5', .data = {}, .link = {}, .mode = 0755, .size = {}};
}

void expect_tree(const std::string& archive, const Tree& tree) {
  const Result result = run(archive);
  EXPECT_EQ(result.signal, 0);
  EXPECT_EQ(result.code, kExtracted) << result.report;
  EXPECT_EQ(result.report, "");
  EXPECT_EQ(result.tree, tree);
}

void expect_not_a_tar(const std::string& file) {
  const Result result = run(file);
  EXPECT_EQ(result.code, kNotATar) << result.report;
  EXPECT_TRUE(result.tree.empty());
}

std::string noise(std::size_t size) {
  std::string bytes;
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 1664525 + 1013904223;
    bytes += static_cast<char>(state >> 24U);
  }
  return bytes;
}

TEST(Good, AFileAsTop) {
  expect_tree(tar({file("a.txt", "hello")}), {{"a.txt", "hello"}});
}

TEST(Good, ADirectoryAsTop) {
  expect_tree(tar({directory("top/"), file("top/a", "1"), directory("top/sub"), file("top/sub/b", "")}),
              {{"top/", ""}, {"top/a", "1"}, {"top/sub/", ""}, {"top/sub/b", ""}});
}

TEST(Good, DirectoriesThatAreNotListed) {
  expect_tree(tar({file("top/x/y/a", "1")}),
              {{"top/", ""}, {"top/x/", ""}, {"top/x/y/", ""}, {"top/x/y/a", "1"}});
}

TEST(Good, BitIdenticalThroughGzip) {
  const std::string data = noise(3'000'001);
  const std::string archive = tar({directory("top"), file("top/data.raw", data)});
  expect_tree(archive, {{"top/", ""}, {"top/data.raw", data}});
  expect_tree(gzip(archive), {{"top/", ""}, {"top/data.raw", data}});
}

TEST(Good, DotSlashIsTakenOff) {
  expect_tree(tar({directory("./top/"), file("./top/a", "1")}), {{"top/", ""}, {"top/a", "1"}});
}

TEST(Good, LongAndForeignNamesInPaxHeaders) {
  const std::string name = "top/" + std::string(200, 'n') + "/m\xc3\xa4use \xe6\x97\xa5.txt";
  expect_tree(tar_by_libarchive({{"top/", ""}, {name, "x"}}),
              {{"top/", ""}, {"top/" + std::string(200, 'n') + "/", ""}, {name, "x"}});
}

TEST(Good, TenMembersAndNoMore) {
  std::vector<Raw> members = {directory("top")};
  Tree tree = {{"top/", ""}};
  for (int i = 1; i < 10; ++i) {
    members.push_back(file("top/" + std::to_string(i), "x"));
    tree["top/" + std::to_string(i)] = "x";
  }
  expect_tree(tar(members), tree);
  members.push_back(file("top/10", "x"));
  const Result result = run(tar(members));
  EXPECT_EQ(result.code, kRefused);
  EXPECT_EQ(result.report,
            "the archive has more than 10 members, where directories and the top-level one count too; send "
            "fewer, or "
            "without untar");
  EXPECT_TRUE(result.tree.empty());
}

TEST(Good, ZerosMayFollow) {
  expect_tree(tar({file("a", "1")}) + std::string(9000, '\0'), {{"a", "1"}});
  expect_tree(gzip(tar({file("a", "1")})) + std::string(300, '\0'), {{"a", "1"}});
}

TEST(Good, SetIdBitsAreDropped) {
  expect_tree(tar({{.name = "a", .data = "1", .link = {}, .mode = 06755, .size = {}}}), {{"a", "1"}});
}

TEST(NotATar, IsLeftAlone) {
  expect_not_a_tar("");
  expect_not_a_tar("just text\n");
  expect_not_a_tar(std::string(100'000, 'x'));
  expect_not_a_tar(noise(100'000));
  expect_not_a_tar("PK\x03\x04" + noise(2000));
  expect_not_a_tar(gzip("just text\n"));
  expect_not_a_tar(gzip(noise(5000)));
  expect_not_a_tar(gzip(""));
  expect_not_a_tar(gzip(gzip(tar({file("a", "1")}))));
  expect_not_a_tar("\x1f\x8b\x08");
  expect_not_a_tar(std::string(100, '\0'));
}

}  // namespace
}  // namespace dync::untar::extract_test
