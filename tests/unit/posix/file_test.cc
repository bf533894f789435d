#include "proto/posix/file.h"

#include <array>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "proto/posix/process.h"
#include "tests/unit/posix/kind_of_failure.h"
#include "tests/unit/temporary_directory.h"

namespace dync::posix {
namespace {

class FileTest : public testing::Test {
 protected:
  tests::TemporaryDirectory dir_;
  Fd fd_ = open_directory(dir_.path());

  void write(const std::string& name, std::string_view text) { write_file_at(fd_.get(), name, text, 0640); }
  std::string read(const std::string& name) { return read_file(dir_ / name, 1000); }
};

TEST_F(FileTest, ErrorsSayWhatAndWhereAndWhy) {
  try {
    open_file(dir_ / "absent", O_RDONLY);
    FAIL() << "opened what is not there";
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()),
              "cannot open " + (dir_ / "absent").native() + ": No such file or directory");
    EXPECT_EQ(error.kind(), Kind::not_found);
    EXPECT_EQ(error.code(), ENOENT);
  }
  try {
    open_at(fd_.get(), "absent", O_RDONLY);
    FAIL() << "opened what is not there";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr((dir_ / "absent").native()));
  }
}

TEST_F(FileTest, RealPathsFollowLinksAsFarAsTheyLead) {
  std::filesystem::create_directory(dir_ / "there");
  std::filesystem::create_directory_symlink("there", dir_ / "link");
  const Path top = std::filesystem::canonical(dir_.path());
  EXPECT_EQ(real_path(dir_ / "link" / "missing"), top / "there" / "missing");
  std::filesystem::create_symlink("loop", dir_ / "loop");
  EXPECT_TRUE(failure_of([&] { real_path(dir_ / "loop" / "x"); }));
}

TEST_F(FileTest, DescriptorsAreCloseOnExec) {
  const Fd file = open_at(fd_.get(), "file", O_RDWR | O_CREAT);
  EXPECT_NE(::fcntl(file.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(fd_.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(FileTest, NamesWithAPathAreRefused) {
  for (const std::string name : {"", ".", "..", "a/b", "/etc/passwd", "../x"})
    EXPECT_EQ(failure_of([&] { open_at(fd_.get(), name, O_RDONLY); }), Kind::unsupported) << name;
}

TEST_F(FileTest, AtFunctionsFollowNoSymlink) {
  write("target", "x");
  std::filesystem::create_symlink("target", dir_ / "link");
  EXPECT_TRUE(failure_of([&] { open_at(fd_.get(), "link", O_RDONLY); }));
  EXPECT_TRUE(failure_of([&] { write("link", "overwritten"); }));
  EXPECT_EQ(read("target"), "x");
  EXPECT_EQ(find_at(fd_.get(), "link")->type, FileType::symlink);
  EXPECT_EQ(find(dir_ / "link")->type, FileType::symlink);
  std::filesystem::create_directory_symlink(dir_.path(), dir_ / "dirlink");
  EXPECT_TRUE(failure_of([&] { open_directory_at(fd_.get(), "dirlink"); }));
}

TEST_F(FileTest, InfoTellsTypeAndSize) {
  write("file", "12345");
  const auto info = find_at(fd_.get(), "file");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->type, FileType::regular);
  EXPECT_EQ(info->size, 5U);
  EXPECT_EQ(info->inode, find(dir_ / "file")->inode);
  EXPECT_EQ(find(dir_.path())->type, FileType::directory);
  EXPECT_FALSE(find_at(fd_.get(), "absent"));
  EXPECT_FALSE(find(dir_ / "file/below"));
}

TEST_F(FileTest, ReadsAndWritesAtOffsets) {
  const Fd file = open_at(fd_.get(), "file", O_RDWR | O_CREAT);
  const std::string text = "hello";
  write_at(file.get(), std::as_bytes(std::span(text)), 3);
  std::array<std::byte, 16> into{};
  EXPECT_EQ(read_at(file.get(), into, 0), 8U);
  EXPECT_EQ(into[3], std::byte{'h'});
  EXPECT_EQ(read_at(file.get(), into, 6), 2U);
  EXPECT_EQ(read_at(file.get(), into, 100), 0U);
}

TEST_F(FileTest, ReadFileKeepsToItsLimit) {
  write("file", "1234567890");
  EXPECT_EQ(read_file(dir_ / "file", 10), "1234567890");
  EXPECT_EQ(failure_of([&] { read_file(dir_ / "file", 9); }), Kind::exhausted);
  EXPECT_EQ(failure_of([&] { read_file("/dev/zero", 100'000); }), Kind::exhausted);
}

TEST_F(FileTest, ReadFileBeginsAtTheStartOfASharedDescriptor) {
  const Fd memory = make_memory_file("config", 4);
  write_at(memory.get(), std::as_bytes(std::span("text", 4)), 0);
  EXPECT_EQ(read_file(memory.get(), "config", 100), "text");
  EXPECT_EQ(read_file(memory.get(), "config", 100), "text");
}

TEST_F(FileTest, ReadFileReadsAPipe) {
  auto [out, in] = make_pipe();
  write_all(in.get(), std::string(30'000, 'p'));
  in.reset();
  EXPECT_EQ(read_file(out.get(), "pipe", 50'000), std::string(30'000, 'p'));
}

TEST_F(FileTest, WriteFileTruncatesAnOlderOne) {
  write("file", "long old text");
  write("file", "new");
  EXPECT_EQ(read("file"), "new");
}

TEST_F(FileTest, ReplaceFileLeavesOneFile) {
  replace_file(dir_ / "run", "one", 0640);
  replace_file(dir_ / "run", "two", 0640);
  EXPECT_EQ(read("run"), "two");
  std::vector<std::string> names;
  each_entry(dir_.path(), [&](const std::string& name) { names.push_back(name); });
  EXPECT_THAT(names, testing::ElementsAre("run"));
}

TEST_F(FileTest, AReplacedFileIsNeverSeenHalf) {
  const std::string one(50'000, '1');
  const std::string two(70'000, '2');
  replace_file(dir_ / "file", one, 0640);
  std::jthread writer([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      replace_file(dir_ / "file", two, 0640);
      replace_file(dir_ / "file", one, 0640);
    }
  });
  for (int i = 0; i < 300; ++i) {
    const std::string seen = read_file(dir_ / "file", 100'000);
    ASSERT_TRUE(seen == one || seen == two) << seen.size() << " bytes";
  }
}

TEST_F(FileTest, AMemoryFileKeepsItsSize) {
  const Fd memory = make_memory_file("shared", 8192);
  EXPECT_EQ(info_of(memory.get()).size, 8192U);
  EXPECT_NE(::ftruncate(memory.get(), 4096), 0);
  EXPECT_NE(::ftruncate(memory.get(), 16384), 0);
  const Mapping one(memory.get(), 8192);
  Mapping two(memory.get(), 8192);
  one.data()[8191] = std::byte{42};
  EXPECT_EQ(two.data()[8191], std::byte{42});
  const Mapping moved = std::move(two);
  EXPECT_EQ(moved.data()[8191], std::byte{42});
  EXPECT_TRUE(failure_of([&] { Mapping(memory.get(), 8193); }));
}

TEST_F(FileTest, SpaceIsThatOfTheFileSystem) {
  const Space space = space_of(dir_.path());
  EXPECT_GT(space.free, 0U);
  EXPECT_GE(space.total, space.free);
  EXPECT_EQ(space.device, find(dir_.path())->device);
  EXPECT_EQ(failure_of([&] { space_of(dir_ / "absent"); }), Kind::not_found);
}

TEST_F(FileTest, EachEntryMayRemoveWhatItVisits) {
  for (int i = 0; i < 200; ++i) write("f" + std::to_string(i), "");
  int seen = 0;
  each_entry(fd_.get(), [&](const std::string& name) {
    ++seen;
    remove_tree_at(fd_.get(), name);
  });
  EXPECT_EQ(seen, 200);
  each_entry(fd_.get(), [](const std::string& name) { ADD_FAILURE() << name << " is still there"; });
}

}  // namespace
}  // namespace dync::posix
