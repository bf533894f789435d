#include "proto/posix/crash_point.h"

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>

namespace dync::posix {
namespace {

void pass_points(const char* wanted) {
  ::setenv("DYNC_CRASH_AT", wanted, 1);
  crash_point("first");
  crash_point("second");
  crash_point("first");
  std::_Exit(7);
}

TEST(CrashPoint, KillsAtItsName) {
  EXPECT_EXIT(pass_points("second"), testing::KilledBySignal(SIGKILL), "");
}

TEST(CrashPoint, CountsPasses) {
  EXPECT_EXIT(pass_points("first:2"), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(pass_points("second:2"), testing::ExitedWithCode(7), "");
}

TEST(CrashPoint, TakesSeveral) {
  EXPECT_EXIT(pass_points("third,second"), testing::KilledBySignal(SIGKILL), "");
}

TEST(CrashPoint, TakesATokenForEachDeath) {
  std::string directory = testing::TempDir() + "tokens-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  const std::filesystem::path tokens(directory);
  std::ofstream(tokens / "first.1");
  std::ofstream(tokens / "first.2");
  std::ofstream(tokens / "first.further.1");  // another point's
  ::setenv("DYNC_CRASH_TOKENS", directory.c_str(), 1);
  EXPECT_EXIT(pass_points("first"), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(pass_points("first"), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(pass_points("first"), testing::ExitedWithCode(7), "");
  ::unsetenv("DYNC_CRASH_TOKENS");
  std::filesystem::remove_all(tokens);
}

TEST(CrashPoint, EveryPointLooksForItsToken) {
  std::string directory = testing::TempDir() + "tokens-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  const std::filesystem::path tokens(directory);
  std::ofstream(tokens / "second");
  EXPECT_EXIT(pass_points("*"), testing::ExitedWithCode(7), "") << "without a directory nobody dies";
  ::setenv("DYNC_CRASH_TOKENS", directory.c_str(), 1);
  EXPECT_EXIT(pass_points("*"), testing::KilledBySignal(SIGKILL), "");
  EXPECT_FALSE(std::filesystem::exists(tokens / "second"));
  EXPECT_EXIT(pass_points("*"), testing::ExitedWithCode(7), "");
  ::unsetenv("DYNC_CRASH_TOKENS");
  std::filesystem::remove_all(tokens);
}

// The directory is gone when the point comes.
TEST(CrashPoint, ATokenIsClaimedAhead) {
  std::string directory = testing::TempDir() + "tokens-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  const std::filesystem::path tokens(directory);
  ::setenv("DYNC_CRASH_TOKENS", directory.c_str(), 1);
  ::setenv("DYNC_CRASH_AT", "*", 1);
  const auto claim = [&] {
    claim_crash_tokens(std::array{"first", "second"});
    std::filesystem::remove_all(tokens);
    pass_points("*");
  };
  std::ofstream(tokens / "second.1");
  EXPECT_EXIT(claim(), testing::KilledBySignal(SIGKILL), "");
  std::filesystem::create_directory(tokens);
  EXPECT_EXIT(claim(), testing::ExitedWithCode(7), "");
  ::unsetenv("DYNC_CRASH_TOKENS");
}

TEST(TestValue, ComesFromTheEnvironment) {
  EXPECT_EQ(test_value("DYNC_TEST_SIZE", std::uint64_t{5}), 5U);
  EXPECT_EQ(test_value("DYNC_TEST_TEXT", std::string("usual")), "usual");
  ::setenv("DYNC_TEST_SIZE", "17", 1);
  ::setenv("DYNC_TEST_TEXT", "other", 1);
  EXPECT_EQ(test_value("DYNC_TEST_SIZE", std::uint64_t{5}), 17U);
  EXPECT_EQ(test_value("DYNC_TEST_TEXT", std::string("usual")), "other");
}

TEST(CrashPoint, IsNothingAtOtherNames) {
  EXPECT_EXIT(pass_points("third"), testing::ExitedWithCode(7), "");
  EXPECT_EXIT(pass_points(""), testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace dync::posix
