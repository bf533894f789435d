#include "ops/admin/text.h"

#include <gtest/gtest.h>

#include "ops/admin/options.h"

namespace dync::admin {
namespace {

TEST(Time, DatesAndRfc3339) {
  EXPECT_EQ(parse_time("2026-01-31"), "2026-01-31T00:00:00.000Z");
  EXPECT_EQ(parse_time("2026-01-31T09:15:02Z"), "2026-01-31T09:15:02.000Z");
  EXPECT_EQ(parse_time("2026-01-31t09:15:02.1239z"), "2026-01-31T09:15:02.123Z");
  EXPECT_EQ(parse_time("2026-01-31T09:15:02.5+01:30"), "2026-01-31T07:45:02.500Z");
  EXPECT_EQ(parse_time("2026-01-31T23:15:02-01:00"), "2026-02-01T00:15:02.000Z");
  EXPECT_EQ(parse_time("2999-12-31T23:59:59.999Z"), "2999-12-31T23:59:59.999Z");
  EXPECT_EQ(parse_time("2024-02-29"), "2024-02-29T00:00:00.000Z");
  for (const char* wrong : {"", "2026", "2026-1-31", "2026-02-30", "2026-01-31T", "2026-01-31T09:15Z",
                            "2026-01-31T09:15:02", "2026-01-31T25:00:00Z", "2026-01-31T09:15:02Zx", "now",
                            "2026-01-31T09:15:02.Z", "2026-01-31T09:15:02+1:00"})
    EXPECT_EQ(parse_time(wrong), std::nullopt) << wrong;
}

TEST(Time, IsToldInTheLargestUnitOfWhichThereAreTwo) {
  EXPECT_EQ(human_time(0), "0 s");
  EXPECT_EQ(human_time(119), "119 s");
  EXPECT_EQ(human_time(120), "2 min");
  EXPECT_EQ(human_time(2 * 3600 - 1), "119 min");
  EXPECT_EQ(human_time(2 * 24 * 3600 - 1), "47 h");
  EXPECT_EQ(human_time(7 * 24 * 3600), "7 d");
}

TEST(Size, HasOneDigitAfterThePoint) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(999), "999 B");
  EXPECT_EQ(human_size(1000), "1.0 kB");
  EXPECT_EQ(human_size(999'999), "1.0 MB");
  EXPECT_EQ(human_size(1'500'000'000), "1.5 GB");
  EXPECT_EQ(human_size(UINT64_MAX), "18.4 EB");
}

}  // namespace
}  // namespace dync::admin
