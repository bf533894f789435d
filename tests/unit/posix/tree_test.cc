#include <fstream>
#include <gtest/gtest.h>

#include "proto/posix/file.h"
#include "proto/posix/process.h"
#include "tests/unit/temporary_directory.h"

namespace dync::posix {
namespace {

class TreeTest : public testing::Test {
 protected:
  tests::TemporaryDirectory dir_;
  Fd fd_ = open_directory(dir_.path());

  void touch(const std::string& name) { std::ofstream(dir_ / name) << "x"; }
};

TEST_F(TreeTest, RemovesAFileOrATree) {
  touch("file");
  std::filesystem::create_directories(dir_ / "tree/a/b/c");
  std::filesystem::create_directories(dir_ / "tree/empty");
  touch("tree/a/file");
  touch("tree/a/b/c/file");
  touch("beside");
  remove_tree_at(fd_.get(), "file");
  remove_tree_at(fd_.get(), "tree");
  EXPECT_FALSE(find(dir_ / "file"));
  EXPECT_FALSE(find(dir_ / "tree"));
  EXPECT_TRUE(find(dir_ / "beside"));
}

TEST_F(TreeTest, NothingThereIsNoError) {
  EXPECT_NO_THROW(remove_tree_at(fd_.get(), "absent"));
}

TEST_F(TreeTest, NeverGoesThroughASymlink) {
  std::filesystem::create_directory(dir_ / "precious");
  touch("precious/data");
  std::filesystem::create_directories(dir_ / "tree/a");
  std::filesystem::create_directory_symlink(dir_ / "precious", dir_ / "tree/link");
  std::filesystem::create_directory_symlink(dir_ / "precious", dir_ / "tree/a/link");
  std::filesystem::create_directory_symlink(dir_ / "precious", dir_ / "link");
  remove_tree_at(fd_.get(), "tree");
  remove_tree_at(fd_.get(), "link");
  EXPECT_FALSE(find(dir_ / "tree"));
  EXPECT_FALSE(find(dir_ / "link"));
  EXPECT_TRUE(find(dir_ / "precious/data"));
}

// Deeper than any path may be long, with more levels than descriptors.
TEST_F(TreeTest, RemovesAnyDepth) {
  make_directory_at(fd_.get(), "deep", 0750);
  Fd at = open_directory_at(fd_.get(), "deep");
  for (int i = 0; i < 3000; ++i) {
    make_directory_at(at.get(), "removed-1", 0750);
    at = open_directory_at(at.get(), "removed-1");
  }
  at.reset();
  remove_tree_at(fd_.get(), "deep");
  EXPECT_FALSE(find(dir_ / "deep"));
}

}  // namespace
}  // namespace dync::posix
