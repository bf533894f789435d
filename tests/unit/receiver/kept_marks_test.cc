#include "receiver/kept_marks.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/process.h"
#include "tests/unit/temporary_directory.h"

namespace dync::receiver {
namespace {

using wire::Id;

Id id(unsigned number) {
  std::array<std::byte, Id::kBytes> bytes{};
  bytes[0] = static_cast<std::byte>(number);
  bytes[1] = static_cast<std::byte>(number >> 8);
  return Id(bytes);
}

class KeptMarksTest : public testing::Test {
 protected:
  KeptMarks open(const std::string& boot = "boot-1", std::uint32_t entries = 4) const {
    return KeptMarks(file_, boot, entries);
  }
  tests::TemporaryDirectory directory_;
  std::filesystem::path file_ = directory_.path() / "dync.sqlite.marks";
};

TEST_F(KeptMarksTest, WhatWasStoredIsThereForTheNextOne) {
  {
    KeptMarks marks = open();
    marks.take(id(1), 0);
    marks.take(id(2), 5);
    marks.store(id(1), 1'000'000'000'000);
  }
  const KeptMarks marks = open();
  EXPECT_EQ(marks.find(id(1)), 1'000'000'000'000U);
  EXPECT_EQ(marks.find(id(2)), 5U);
  EXPECT_FALSE(marks.find(id(3)));
}

TEST_F(KeptMarksTest, AnotherBootKnowsNothing) {
  {
    KeptMarks marks = open();
    marks.take(id(1), 77);
  }
  EXPECT_FALSE(open("boot-2").find(id(1)));
  EXPECT_FALSE(open("boot-1").find(id(1))) << "and what was forgotten does not come back";
}

TEST_F(KeptMarksTest, ARestingUploadIsKnownUntilItsRoomIsNeeded) {
  KeptMarks marks = open("boot-1", 2);
  marks.take(id(1), 11);
  marks.take(id(2), 22);
  marks.retire(id(1));
  EXPECT_EQ(marks.find(id(1)), 11U);
  marks.take(id(3), 33);
  EXPECT_FALSE(marks.find(id(1)));
  EXPECT_EQ(marks.find(id(2)), 22U);
  EXPECT_EQ(marks.find(id(3)), 33U);
}

TEST_F(KeptMarksTest, WhoComesBackIsNotPutOut) {
  KeptMarks marks = open("boot-1", 2);
  marks.take(id(1), 11);
  marks.take(id(2), 22);
  marks.retire(id(1));
  marks.take(id(1), 12);
  marks.retire(id(2));
  marks.take(id(3), 33);
  EXPECT_EQ(marks.find(id(1)), 12U);
  EXPECT_FALSE(marks.find(id(2)));
}

TEST_F(KeptMarksTest, OnlyTheLiveOnesStay) {
  KeptMarks marks = open();
  for (unsigned i = 1; i <= 4; ++i) marks.take(id(i), i);
  const std::array live{id(2), id(4)};
  marks.keep_only(live);
  EXPECT_FALSE(marks.find(id(1)));
  EXPECT_EQ(marks.find(id(2)), 2U);
  marks.take(id(5), 5);
  EXPECT_EQ(open().find(id(5)), 5U);
}

TEST_F(KeptMarksTest, OfAProcessThatWasKilledEverythingIsThere) {
  const pid_t child = ::fork();
  ASSERT_NE(child, -1);
  if (child == 0) {
    KeptMarks marks = open("boot-1", 1000);
    for (unsigned i = 0; i < 500; ++i) marks.take(id(i), i);
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const KeptMarks marks = open("boot-1", 1000);
  for (unsigned i = 0; i < 500; ++i) ASSERT_EQ(marks.find(id(i)), i);
}

TEST_F(KeptMarksTest, AForeignFileIsOverwrittenAndALinkIsNot) {
  posix::replace_file(file_, std::string(100, 'x'), 0640);
  KeptMarks marks = open();
  marks.take(id(1), 1);
  EXPECT_EQ(open().find(id(1)), 1U);
  const auto link = directory_.path() / "link.marks";
  std::filesystem::create_symlink(file_, link);
  EXPECT_THROW(KeptMarks(link, "boot-1", 4), posix::Error);
}

}  // namespace
}  // namespace dync::receiver
