#include "hasher/uploads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/posix/error.h"
#include "schema/limits/limits.h"
#include "tests/unit/hasher/receiver_side.h"

namespace dync::hasher::uploads_test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::size_t kChunk = 64 * 1024;

class UploadsTest : public testing::Test {
 protected:
  Shared shared_{{8, kChunk, 16}};
  ipc::MarkTable marks_{shared_.memory};
  ipc::SlotPool slots_{shared_.memory};
  Clock::time_point now_ = Clock::now();
  std::vector<ipc::Message> told_;
  std::vector<std::string> lines_;
  bool committer_listens_ = true;
  bool descriptors_left_ = true;
  service::Log log_{[this](service::Level, const std::string& line) { lines_.push_back(line); }};
  Uploads uploads_{shared_.memory,
                   [this](const wire::Id& upload) {
                     if (!descriptors_left_) throw posix::Error(EMFILE, "open", "the file");
                     return shared_.opener()(upload);
                   },
                   [this](const ipc::Message& message) {
                     if (committer_listens_) told_.push_back(message);
                     return committer_listens_;
                   },
                   log_};

  ReceiverSide receiver(unsigned number) { return {shared_, marks_, slots_, number}; }
  void take(const ipc::Message& message) { uploads_.take(message, now_); }
  void work() {
    for (int rounds = 0; uploads_.is_busy(); ++rounds) {
      ASSERT_LT(rounds, 1000) << "never ends";
      uploads_.work(now_);
    }
  }
  // A whole upload of these bytes, from Begin to End.
  ReceiverSide send(unsigned number, std::span<const std::byte> data) {
    ReceiverSide side = receiver(number);
    take(side.begin());
    side.write(data, 0);
    take(side.end(data));
    return side;
  }
  std::vector<wire::Id> verdicts() {
    std::vector<wire::Id> uploads;
    for (const auto& message : told_)
      if (const auto* verdict = std::get_if<ipc::Verdict>(&message)) uploads.push_back(verdict->upload);
    return uploads;
  }
};

TEST_F(UploadsTest, TellsTheVerdictOnce) {
  const auto data = random_data(1000, 1);
  const auto side = send(1, data);
  work();
  uploads_.look(now_);
  ASSERT_THAT(verdicts(), ElementsAre(side.upload()));
  EXPECT_TRUE(std::get<ipc::Verdict>(told_[0]).matches);
  EXPECT_TRUE(lines_.empty());
}

TEST_F(UploadsTest, TellsANewCommitterAgainUntilDrop) {
  const auto data = random_data(1000, 1);
  const auto one = send(1, data);
  const auto two = send(2, data);
  work();
  told_.clear();
  uploads_.tell_again();
  EXPECT_THAT(verdicts(), testing::UnorderedElementsAre(one.upload(), two.upload()));
  take(ipc::Drop{one.upload()});
  told_.clear();
  uploads_.tell_again();
  EXPECT_THAT(verdicts(), ElementsAre(two.upload()));
  EXPECT_EQ(uploads_.size(), 1U);
}

TEST_F(UploadsTest, AVerdictThatCouldNotBeSentIsTriedAgain) {
  committer_listens_ = false;
  const auto data = random_data(1000, 1);
  const auto side = send(1, data);
  work();
  uploads_.look(now_);
  EXPECT_TRUE(told_.empty());
  committer_listens_ = true;
  uploads_.look(now_);
  uploads_.look(now_);
  EXPECT_THAT(verdicts(), ElementsAre(side.upload()));
}

TEST_F(UploadsTest, AReceiverThatAsksAgainHearsAgain) {
  const auto data = random_data(1000, 1);
  const auto side = send(1, data);
  work();
  take(side.begin());
  take(side.end(data));
  work();
  EXPECT_THAT(verdicts(), ElementsAre(side.upload(), side.upload()));
}

TEST_F(UploadsTest, AHigherEpochReplacesTheState) {
  const auto old_data = random_data(kChunk, 1);
  const auto data = random_data(3000, 2);
  auto side = receiver(1);
  take(side.begin());
  const auto old_hint = side.lend(old_data, 0).value();
  take(old_hint);
  uploads_.work(now_);
  const auto old_begin = side.begin();
  const auto old_end = side.end(old_data);
  take(side.begin_epoch(0));
  std::filesystem::resize_file(side.path(), 0);
  // Late messages of the old epoch.
  take(old_begin);
  take(old_hint);
  take(old_end);
  side.write(data, 0);
  take(side.end(data));
  work();
  ASSERT_THAT(verdicts(), ElementsAre(side.upload()));
  const auto verdict = std::get<ipc::Verdict>(told_[0]);
  EXPECT_TRUE(verdict.matches);
  EXPECT_EQ(verdict.epoch, side.epoch());
  EXPECT_EQ(verdict.sha256, sha256_of(data));
  EXPECT_TRUE(lines_.empty()) << "not even confirmed";
}

TEST_F(UploadsTest, ALargeUploadHoldsUpNobody) {
  const auto large = random_data(16 * limits::kHashShare, 1);
  const auto small = random_data(1000, 2);
  const auto first = send(1, large);
  const auto second = send(2, small);
  uploads_.work(now_);
  EXPECT_THAT(verdicts(), ElementsAre(second.upload())) << "in the first round";
  work();
  EXPECT_THAT(verdicts(), ElementsAre(second.upload(), first.upload()));
}

TEST_F(UploadsTest, OneRoundIsBounded) {
  const auto large = random_data(2 * limits::kHashShare, 1);
  std::vector<ReceiverSide> sides;
  for (unsigned i = 0; i < 8; ++i) sides.push_back(send(i, large));
  uploads_.work(now_);
  std::uint64_t hashed = 0;
  for (const auto& side : sides) hashed += side.hashed();
  EXPECT_LE(hashed, limits::kHashTurn + limits::kHashShare);
  EXPECT_TRUE(uploads_.is_busy());
  uploads_.work(now_);
  for (const auto& side : sides) EXPECT_EQ(side.hashed(), limits::kHashShare) << "all had their share";
  work();
  EXPECT_EQ(verdicts().size(), 8U);
}

TEST_F(UploadsTest, AnUploadWithoutHintsIsFoundByLooking) {
  const auto data = random_data(5000, 1);
  auto side = receiver(1);
  take(side.begin());
  side.write(data, 0);
  uploads_.look(now_);
  EXPECT_FALSE(uploads_.is_busy());
  now_ += limits::kHintPause;
  uploads_.look(now_);
  work();
  EXPECT_EQ(side.hashed(), data.size());
}

TEST_F(UploadsTest, AMismatchAndAnUnreadableFileAreLogged) {
  const auto data = random_data(1000, 1);
  auto bad = receiver(1);
  bad.write(data, 0);
  auto end = bad.end(data);
  end.expected[0] ^= std::byte{1};
  take(bad.begin());
  take(end);
  auto gone = receiver(2);
  gone.write(data, 0);
  std::filesystem::remove(gone.path());
  take(gone.begin());
  take(gone.end(data));
  work();
  ASSERT_EQ(told_.size(), 2U);
  EXPECT_EQ(std::get<ipc::Unreadable>(told_[0]).upload, gone.upload()) << "no need to confirm";
  EXPECT_FALSE(std::get<ipc::Verdict>(told_[1]).matches);
  ASSERT_EQ(lines_.size(), 2U);
  EXPECT_THAT(lines_[0], HasSubstr("upload.unreadable upload=" + gone.upload().hex()));
  EXPECT_THAT(lines_[1], HasSubstr("upload.hashed_twice upload=" + bad.upload().hex() + " matches=no"));
}

TEST_F(UploadsTest, WantOfDescriptorsIsWaitedOut) {
  const auto data = random_data(1000, 1);
  descriptors_left_ = false;
  const auto side = send(1, data);
  work();
  EXPECT_TRUE(told_.empty());
  EXPECT_FALSE(uploads_.is_busy()) << "would spin";
  uploads_.look(now_);
  work();
  EXPECT_TRUE(told_.empty());
  descriptors_left_ = true;
  uploads_.look(now_);
  work();
  EXPECT_THAT(verdicts(), ElementsAre(side.upload()));
}

TEST_F(UploadsTest, WhatNoReceiverKnowsAnyMoreIsForgotten) {
  const auto data = random_data(1000, 1);
  const auto one = send(1, data);
  const auto two = send(2, data);
  work();
  marks_.give_back(one.mark_index());
  uploads_.look(now_);
  EXPECT_EQ(uploads_.size(), 1U);
  told_.clear();
  uploads_.tell_again();
  EXPECT_THAT(verdicts(), ElementsAre(two.upload()));
}

TEST_F(UploadsTest, DroppedInTheMiddleItLeavesNothing) {
  const auto large = random_data(4 * limits::kHashShare, 1);
  const auto side = send(1, large);
  uploads_.work(now_);
  take(ipc::Drop{side.upload()});
  work();
  EXPECT_TRUE(told_.empty());
  EXPECT_EQ(uploads_.size(), 0U);
}

TEST_F(UploadsTest, MessagesThatCantBeAreNoEnd) {
  const auto data = random_data(1000, 1);
  auto side = receiver(1);
  take(side.lend(data, 0).value());
  take(side.end(data));
  take(ipc::Begin{side.upload(), 16, 1});
  take(ipc::Hello{});
  take(ipc::Drop{side.upload()});
  work();
  EXPECT_TRUE(told_.empty());
  ASSERT_EQ(lines_.size(), 3U);
  EXPECT_THAT(lines_[0], HasSubstr("hasher.end_without_begin"));
  EXPECT_THAT(lines_[1], HasSubstr("hasher.mark_unknown"));
  EXPECT_THAT(lines_[2], HasSubstr("hasher.message_unexpected"));
}

}  // namespace
}  // namespace dync::hasher::uploads_test
