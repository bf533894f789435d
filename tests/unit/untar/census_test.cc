#include "untar/census.h"

#include <gtest/gtest.h>

#include "untar/refused.h"

namespace dync::untar::census_test {
namespace {

using Type = Entry::Type;

Entry file(std::string path, std::uint64_t size = 0) {
  return {.path = std::move(path), .type = Type::file, .sparse = false, .size = size};
}
Entry directory(std::string path) {
  return {.path = std::move(path), .type = Type::directory, .sparse = false, .size = 0};
}

std::string refused(const std::vector<Entry>& entries, const Limits& limits = {10, 1000, 200}) {
  Census census(limits);
  try {
    for (const Entry& entry : entries) census.admit(entry);
    census.finish();
    return "";
  } catch (const Refused& e) {
    return e.what();
  }
}

TEST(Census, TellsWhatToMakeInOrder) {
  Census census({10, 1000, 200});
  const Accepted first = census.admit(file("./top/a/b/c"));
  EXPECT_EQ(first.directories, (std::vector<std::string>{"top", "top/a", "top/a/b"}));
  EXPECT_EQ(first.file, "top/a/b/c");
  const Accepted second = census.admit(directory("top/a/"));
  EXPECT_TRUE(second.directories.empty());
  EXPECT_FALSE(second.file);
  const Accepted third = census.admit(directory("top/d"));
  EXPECT_EQ(third.directories, std::vector<std::string>{"top/d"});
  EXPECT_EQ(census.top(), "top");
}

TEST(Census, CountsEveryEntry) {
  std::vector<Entry> entries = {directory("top")};
  for (int i = 1; i < 10; ++i) entries.push_back(file("top/" + std::to_string(i)));
  EXPECT_EQ(refused(entries), "");
  entries.push_back(directory("top/x"));
  EXPECT_EQ(refused(entries),
            "the archive has more than 10 members, where directories and the top-level one count too; send "
            "fewer, or "
            "without untar");
}

TEST(Census, SumsSizesBeforeTheData) {
  EXPECT_EQ(refused({file("t/a", 600), file("t/b", 400)}), "");
  EXPECT_EQ(refused({file("t/a", 600), file("t/b", 401)}),
            "the archive's files are larger than 1000 bytes in all; send fewer, or without untar");
  EXPECT_NE(refused({file("t/a", 600), file("t/b", UINT64_MAX)}), "");
}

TEST(Census, OneTop) {
  EXPECT_EQ(refused({file("a")}), "");
  EXPECT_EQ(
      refused({file("a"), file("b")}),
      "the archive has several top-level entries, such as 'a' and 'b'; put everything into one directory");
  EXPECT_EQ(refused({}), "the archive is empty; put one file or one directory into it");
}

TEST(Census, TopIsAClean) {
  for (const char* top :
       {"a b", "a-b", ".hidden", ".MARKER_is_finished_x", "source_dropbox.txt", "m\xc3\xa4use", "a.b-c"}) {
    EXPECT_EQ(refused({file(top)}),
              "the archive's top-level entry '" + std::string(top) +
                  "' is not a clean name; name it with A-Z, a-z, 0-9, _ and ., without a leading dot");
  }
}

TEST(Census, NoNameTwice) {
  EXPECT_EQ(refused({file("t/a"), file("t/a")}),
            "the member 't/a' is in the archive twice, letter case aside ('t/a'); keep one of them");
  EXPECT_EQ(refused({file("t/a"), file("t/A")}),
            "the member 't/A' is in the archive twice, letter case aside ('t/a'); keep one of them");
  EXPECT_NE(refused({file("t/\xc3\xa4"), file("t/\xc3\x84")}), "");
  EXPECT_NE(refused({directory("t"), directory("t/")}), "");
  EXPECT_NE(refused({file("t"), directory("t")}), "");
  EXPECT_NE(refused({file("t/a/b"), file("t/a")}), "");
  EXPECT_EQ(refused({file("t/a"), file("t/a/b")}),
            "the members 't/a' and 't/a'/… stand in each other's way; rename one of them");
  EXPECT_NE(refused({file("t/a/x"), file("t/A/y")}), "");
}

TEST(Census, OnlyFilesAndDirectories) {
  Entry link = file("t/l");
  link.type = Type::link;
  EXPECT_EQ(refused({link}),
            "the member 't/l' is a link; archive the file itself (tar -h --hard-dereference)");
  Entry device = file("t/d");
  device.type = Type::other;
  EXPECT_EQ(refused({device}), "the member 't/d' is neither a file nor a directory; leave it out");
  Entry sparse = file("t/s");
  sparse.sparse = true;
  EXPECT_EQ(refused({sparse}), "the member 't/s' is stored as a sparse file; archive it without tar's -S");
  Entry unsized_file = file("t/u");
  unsized_file.size = std::nullopt;
  EXPECT_EQ(refused({unsized_file}), "the member 't/u' has no size; make the archive again");
}

std::string path_refused(std::string_view path) {
  try {
    split_path(path);
    return "";
  } catch (const Refused& e) {
    return e.what();
  }
}

TEST(SplitPath, OrdinaryPaths) {
  EXPECT_EQ(split_path("a/b/c"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(split_path("././a/"), std::vector<std::string>{"a"});
  EXPECT_EQ(split_path("a/.hidden"), (std::vector<std::string>{"a", ".hidden"}));
  EXPECT_EQ(split_path("a/..b"), (std::vector<std::string>{"a", "..b"}));
}

TEST(SplitPath, HostilePaths) {
  EXPECT_EQ(path_refused("/etc/passwd"),
            "the member '/etc/passwd' has an absolute path; archive it without the leading /");
  EXPECT_EQ(path_refused("a/../../b"), "the member 'a/../../b' has `..` in its path; archive it without");
  for (const char* path : {"", ".", "./", "..", "../", "a//b", "a/./b", "a/..", ".//a", "a//", "./.", "a\nb",
                           "a\xff", "a/\xe2\x80\xae", "//a"}) {
    EXPECT_NE(path_refused(path), "") << path;
  }
  EXPECT_NE(path_refused(std::string_view("a\0b", 3)), "");
  EXPECT_EQ(path_refused("a/" + std::string(255, 'n')), "");
  EXPECT_NE(path_refused("a/" + std::string(256, 'n')), "");
  std::string deep = "a";
  for (int i = 0; i < 70; ++i) deep += "/a";
  EXPECT_NE(path_refused(deep), "");
  EXPECT_NE(path_refused(std::string(60000, '/')), "");
}

}  // namespace
}  // namespace dync::untar::census_test
