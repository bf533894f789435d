#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <sys/prctl.h>

#include "proto/posix/error.h"
#include "proto/posix/process.h"

namespace dync::posix {
namespace {

using std::chrono::system_clock;

TEST(Clock, IsWrittenAsRfc3339InUtc) {
  using std::chrono::milliseconds;
  EXPECT_EQ(utc_text(system_clock::time_point(milliseconds(0))), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(utc_text(system_clock::time_point(milliseconds(1'769'850'902'123))), "2026-01-31T09:15:02.123Z");
  EXPECT_EQ(utc_text(system_clock::time_point(milliseconds(1'000'000'000'007))), "2001-09-09T01:46:40.007Z");
}

TEST(System, OwnProgramIsThisTest) {
  EXPECT_EQ(own_program().filename(), "posix_test");
}

TEST(System, BootIdIsAUuid) {
  EXPECT_EQ(boot_id().size(), 36U);
  EXPECT_EQ(boot_id(), boot_id());
}

TEST(System, AnonymousMemoryGrowsWithUse) {
  const auto before = anonymous_memory();
  EXPECT_GT(before, 0U);
  constexpr std::size_t kBytes = 64 * 1024 * 1024;
  const auto block = std::make_unique<unsigned char[]>(kBytes);
  std::memset(block.get(), 1, kBytes);
  EXPECT_GE(anonymous_memory(), before + kBytes / 2);
  EXPECT_EQ(block[kBytes - 1], 1);
}

TEST(System, RandomBytesDiffer) {
  std::array<std::byte, 32> one{};
  std::array<std::byte, 32> two{};
  random_bytes(one);
  random_bytes(two);
  EXPECT_NE(one, two);
}

TEST(System, AProcessCanBeNamed) {
  std::array<char, 17> old{};
  std::array<char, 17> now{};
  ::prctl(PR_GET_NAME, old.data(), 0, 0, 0);
  set_process_name("dync-hasher");
  ::prctl(PR_GET_NAME, now.data(), 0, 0, 0);
  EXPECT_STREQ(now.data(), "dync-hasher");
  set_process_name(old.data());
}

TEST(Kinds, AreWhatCallersBranchOn) {
  EXPECT_EQ(kind_of(ENOSPC), Kind::no_space);
  EXPECT_EQ(kind_of(EDQUOT), Kind::no_space);
  EXPECT_EQ(kind_of(EXDEV), Kind::cross_device);
  EXPECT_EQ(kind_of(EMFILE), Kind::exhausted);
  EXPECT_EQ(kind_of(EROFS), Kind::denied);
  EXPECT_EQ(kind_of(ENOTEMPTY), Kind::exists);
  EXPECT_EQ(kind_of(EIO), Kind::io);
}

}  // namespace
}  // namespace dync::posix
