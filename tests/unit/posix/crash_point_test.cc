#include "proto/posix/crash_point.h"

#include <csignal>
#include <cstdlib>
#include <gtest/gtest.h>

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

TEST(CrashPoint, IsNothingAtOtherNames) {
  EXPECT_EXIT(pass_points("third"), testing::ExitedWithCode(7), "");
  EXPECT_EXIT(pass_points(""), testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace dync::posix
