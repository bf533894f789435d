#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "proto/posix/file.h"
#include "tests/unit/posix/kind_of_failure.h"
#include "tests/unit/temporary_directory.h"

namespace dync::posix {
namespace {

using Rename = void (*)(int, const std::string&, int, const std::string&);

// Both ways must look the same from outside.
class RenameTest : public testing::TestWithParam<Rename> {
 protected:
  tests::TemporaryDirectory dir_;
  Fd from_, to_;

  void SetUp() override {
    std::filesystem::create_directory(dir_ / "from");
    std::filesystem::create_directory(dir_ / "to");
    from_ = open_directory(dir_ / "from");
    to_ = open_directory(dir_ / "to");
  }
  void rename(const std::string& name) { GetParam()(from_.get(), name, to_.get(), name); }
  bool is_there(const std::string& path) { return find(dir_ / path).has_value(); }
};

TEST_P(RenameTest, MovesAFile) {
  write_file_at(from_.get(), "x", "data", 0640);
  rename("x");
  EXPECT_FALSE(is_there("from/x"));
  EXPECT_EQ(read_file(dir_ / "to/x", 10), "data");
}

TEST_P(RenameTest, MovesADirectory) {
  std::filesystem::create_directories(dir_ / "from/x/inner");
  rename("x");
  EXPECT_FALSE(is_there("from/x"));
  EXPECT_TRUE(is_there("to/x/inner"));
}

TEST_P(RenameTest, NeverReplacesAFile) {
  write_file_at(from_.get(), "x", "new", 0640);
  write_file_at(to_.get(), "x", "old", 0640);
  EXPECT_EQ(failure_of([&] { rename("x"); }), Kind::exists);
  EXPECT_EQ(read_file(dir_ / "to/x", 10), "old");
  EXPECT_EQ(read_file(dir_ / "from/x", 10), "new");
}

TEST_P(RenameTest, NeverReplacesADirectory) {
  std::filesystem::create_directory(dir_ / "from/x");
  std::filesystem::create_directory(dir_ / "to/x");
  EXPECT_EQ(failure_of([&] { rename("x"); }), Kind::exists);
  EXPECT_TRUE(is_there("from/x"));
}

TEST_P(RenameTest, NeverReplacesAFileByADirectory) {
  std::filesystem::create_directory(dir_ / "from/x");
  write_file_at(to_.get(), "x", "old", 0640);
  EXPECT_EQ(failure_of([&] { rename("x"); }), Kind::exists);
}

TEST_P(RenameTest, NeverReplacesASymlinkNorFollowsIt) {
  write_file_at(from_.get(), "x", "new", 0640);
  std::filesystem::create_symlink("nowhere", dir_ / "to/x");
  EXPECT_EQ(failure_of([&] { rename("x"); }), Kind::exists);
  EXPECT_TRUE(is_there("from/x"));
  EXPECT_FALSE(is_there("to/nowhere"));
}

TEST_P(RenameTest, AGoneSourceIsNotFound) {
  EXPECT_EQ(failure_of([&] { rename("x"); }), Kind::not_found);
  write_file_at(to_.get(), "x", "published", 0640);
  EXPECT_EQ(failure_of([&] { rename("x"); }), Kind::not_found);
}

INSTANTIATE_TEST_SUITE_P(Both, RenameTest, testing::Values(&rename_no_replace, &rename_by_link),
                         [](const auto& way) { return way.index == 0 ? "NoReplace" : "ByLink"; });

TEST(RenameByLink, FinishesWhatACrashLeftBetweenLinkAndUnlink) {
  const tests::TemporaryDirectory dir;
  const Fd fd = open_directory(dir.path());
  write_file_at(fd.get(), "source", "data", 0640);
  std::filesystem::create_hard_link(dir / "source", dir / "target");
  rename_by_link(fd.get(), "source", fd.get(), "target");
  EXPECT_FALSE(find(dir / "source"));
  EXPECT_EQ(read_file(dir / "target", 10), "data");
}

TEST(RenameNoReplace, SaysWhenTheFileSystemsDiffer) {
  const tests::TemporaryDirectory dir;
  const Fd here = open_directory(dir.path());
  const Fd shm = open_directory("/dev/shm");
  if (info_of(here.get()).device == info_of(shm.get()).device) FAIL() << "TMPDIR must not lie in /dev/shm";
  write_file_at(here.get(), "x", "data", 0640);
  const std::string there = "dync-test-" + std::to_string(::getpid());
  EXPECT_EQ(failure_of([&] { rename_no_replace(here.get(), "x", shm.get(), there); }), Kind::cross_device);
  EXPECT_TRUE(find(dir / "x"));
}

}  // namespace
}  // namespace dync::posix
