#include "receiver/checkpoint_plan.h"

#include <gtest/gtest.h>

namespace dync::receiver {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t kEvery = 1'000'000;
constexpr std::uint32_t kChunkSize = 1000;  // with SHA-256's block: multiples of 8000

class CheckpointPlanTest : public testing::Test {
 protected:
  Time now_{};
  CheckpointPlan plan_{{kEvery, seconds(30)}, kChunkSize, 0, now_};
};

TEST_F(CheckpointPlanTest, NoneForASmallUpload) {
  EXPECT_FALSE(plan_.after_bytes(kEvery / 2 - 1));
  EXPECT_FALSE(plan_.after_time(kEvery / 2 - 1, 0, now_ + seconds(29)));
  EXPECT_FALSE(plan_.is_due(kEvery));
}

TEST_F(CheckpointPlanTest, OneAtATimeAtMultiplesOfBlockAndChunk) {
  EXPECT_EQ(plan_.after_bytes(kEvery / 2), kEvery);
  EXPECT_FALSE(plan_.after_bytes(kEvery / 2 + 1000)) << "one is open";
  EXPECT_FALSE(plan_.is_due(kEvery - 1));
  EXPECT_TRUE(plan_.is_due(kEvery));
  plan_.synced(now_);
  EXPECT_FALSE(plan_.is_due(kEvery)) << "once";
  EXPECT_FALSE(plan_.after_bytes(3 * kEvery)) << "the answer is waited for";
  plan_.recorded(kEvery, now_);
  EXPECT_FALSE(plan_.open());
  EXPECT_EQ(plan_.after_bytes(3 * kEvery + 1), 3 * kEvery + 8000) << "never before what was taken";
}

TEST_F(CheckpointPlanTest, TheDistanceCountsFromTheCheckpointThatThereIs) {
  CheckpointPlan resumed({kEvery, seconds(30)}, kChunkSize, 64, now_);
  EXPECT_EQ(resumed.after_bytes(kEvery - 1000), 1'008'000U);
}

TEST_F(CheckpointPlanTest, OnASlowLinkOneAfterAPause) {
  EXPECT_FALSE(plan_.after_time(10, 0, now_ + seconds(29)));
  EXPECT_EQ(plan_.after_time(10, 0, now_ + seconds(30)), 8000U);
  EXPECT_FALSE(plan_.after_time(20, 0, now_ + seconds(31))) << "it is open";
  EXPECT_TRUE(plan_.is_due(8001));
  plan_.synced(now_ + seconds(40));
  plan_.recorded(8000, now_ + seconds(40));
  EXPECT_FALSE(plan_.after_time(8001, 8001, now_ + seconds(69)));
  EXPECT_FALSE(plan_.after_time(8000, 8000, now_ + seconds(70))) << "nothing new came";
  EXPECT_EQ(plan_.after_time(8001, 8001, now_ + seconds(70)), 16000U);
}

TEST_F(CheckpointPlanTest, WhereTheLinkBecomesSlowTheFarOneIsReplaced) {
  EXPECT_EQ(plan_.after_bytes(kEvery / 2), kEvery);
  EXPECT_EQ(plan_.after_time(kEvery / 2 + 1, 0, now_ + seconds(30)), 504'000U);
}

TEST_F(CheckpointPlanTest, OneThatTheHasherPassedUnawareIsGivenUp) {
  plan_.after_bytes(kEvery / 2);
  plan_.synced(now_ + seconds(1));
  EXPECT_FALSE(plan_.after_time(2 * kEvery, kEvery - 1, now_ + seconds(60))) << "the hasher is not there yet";
  EXPECT_TRUE(plan_.open());
  EXPECT_EQ(plan_.after_time(2 * kEvery, kEvery, now_ + seconds(61)), 2 * kEvery);
}

TEST_F(CheckpointPlanTest, ALateAnswerIsAsGoodAndAnOldOneChangesNothing) {
  plan_.after_bytes(kEvery / 2);
  plan_.synced(now_);
  ASSERT_TRUE(plan_.after_time(2 * kEvery, 2 * kEvery, now_ + seconds(31)));
  plan_.recorded(kEvery, now_ + seconds(31));
  EXPECT_EQ(plan_.open(), 2 * kEvery);
  plan_.recorded(8000, now_ + seconds(32));
  plan_.recorded(2 * kEvery, now_ + seconds(32));
  EXPECT_EQ(plan_.after_bytes(2 * kEvery + kEvery / 2), 3 * kEvery);
}

}  // namespace
}  // namespace dync::receiver
