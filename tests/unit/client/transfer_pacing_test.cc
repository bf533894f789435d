#include <gtest/gtest.h>

#include "schema/limits/limits.h"
#include "tests/unit/client/transfer_fixture.h"

namespace dync::client::transfer_pacing_test {
namespace {

constexpr std::uint32_t kMost = limits::kMiB;

// Transfers of 64 MiB with a server that allows chunks of 1 MiB.
class PacedTransferTest : public TransferTest {
 protected:
  void begin(bool ours = true, Start how = {.connected = true}) {
    start(64 * limits::kMiB, how);
    expect(Kind::post_file);
    allow(0, ours);
  }
  void allow(std::uint64_t seek, bool ours = true, std::uint32_t credit = 16) {
    wire::UploadApproved approved{credit, kMost, 64, std::nullopt};
    if (ours) approved.options = wire::ApprovalOptions{kKey, kUpload, seek, 10};
    hear(approved);
  }
  // A question of routine; returns the position that it is about.
  std::uint64_t ask() {
    EXPECT_TRUE(expect(Kind::query_status).routine);
    return transfer_->position();
  }
  void answer(std::uint64_t seek, std::uint32_t credit = 15) { hear(wire::StatusReport{seek, credit}); }
  // Sends the first chunk and has it confirmed as on a fast link.
  std::uint64_t first_passes() {
    send();
    const std::uint64_t position = ask();
    now_ += 1ms;
    answer(position);
    return position;
  }
};

TEST_F(PacedTransferTest, BeginsWithASmallChunkAndWaitsForTheServersWord) {
  begin();
  const Want first = transfer_->want(now_);
  EXPECT_LE(first.max_bytes, 64u * 1024);
  first_passes();
  const Want second = transfer_->want(now_);
  EXPECT_EQ(second.kind, Kind::chunk);
  EXPECT_GT(second.max_bytes, first.max_bytes / 2);
}

TEST_F(PacedTransferTest, SendsNothingMoreBeforeTheFirstAnswer) {
  begin();
  send();
  const std::uint64_t position = ask();
  EXPECT_EQ(wanted(), Kind::nothing);
  wait(4s);
  EXPECT_EQ(wanted(), Kind::nothing) << "a slow link holds no more than this";
  EXPECT_EQ(transfer_->stage(now_), Stage::sending);
  answer(position);
  EXPECT_EQ(wanted(), Kind::chunk);
}

TEST_F(PacedTransferTest, ALinkThatFellSilentIsToldAsSuch) {
  begin();
  first_passes();
  send();
  const std::uint64_t position = ask();
  wait(10s);
  EXPECT_EQ(transfer_->stage(now_), Stage::silent);
  answer(position);
  EXPECT_EQ(transfer_->stage(now_), Stage::sending);
}

TEST_F(PacedTransferTest, AnAnswerDoesNotBringBackWhatIsOnItsWay) {
  begin();
  first_passes();
  send();
  const std::uint64_t asked = ask();
  send();
  send();
  const std::uint64_t position = transfer_->position();
  answer(asked, 5);
  EXPECT_EQ(transfer_->position(), position);
  int more = 0;
  for (; wanted() != Kind::nothing; now_ += 1ms) {
    wanted() == Kind::chunk ? (send(), ++more) : static_cast<int>(ask());
  }
  EXPECT_EQ(more, 3) << "of the 5 chunks of credit two were on their way";
}

TEST_F(PacedTransferTest, AnAnswerFromBeforeTheQuestionIsALossAndBringsItBack) {
  begin();
  const std::uint64_t first = first_passes();
  send();
  ask();
  send();
  answer(first, 5);
  EXPECT_EQ(transfer_->position(), first);
  EXPECT_EQ(send(), first);
}

TEST_F(PacedTransferTest, ALossThatTheServerToldBeforeIsHealedByTheSamePostFile) {
  begin();
  const std::uint64_t first = first_passes();
  send();
  ask();
  hear(wire::TransferCredit{0});  // it is where it was, and told it less than 25 s ago
  expect(Kind::post_file);
  hear(wire::StatusReport{first, 3});
  EXPECT_EQ(wanted(), Kind::nothing) << "only the approval answers the post-file";
  allow(first, true, 3);
  EXPECT_EQ(send(), first);
}

TEST_F(PacedTransferTest, AfterALossTheAnswersOnTheirWaySayNothing) {
  begin();
  const std::uint64_t first = first_passes();
  send();
  ask();
  answer(first, 5);
  send();
  const std::uint64_t again = ask();
  send();
  const std::uint64_t position = transfer_->position();
  answer(again, 4);
  EXPECT_EQ(transfer_->position(), position);
}

TEST_F(PacedTransferTest, ReachesTheLargestChunkOnAFastLink) {
  begin();
  std::uint32_t largest = 0;
  for (int i = 0; i < 12; ++i) {
    largest = std::max(largest, transfer_->want(now_).max_bytes);
    first_passes();
  }
  EXPECT_EQ(largest, kMost);
}

TEST_F(PacedTransferTest, AnotherConnectionBeginsSmallAgain) {
  begin();
  for (int i = 0; i < 12; ++i) first_passes();
  const std::uint64_t position = transfer_->position();
  transfer_->connection_lost(now_);
  transfer_->connection_ready(now_);
  EXPECT_FALSE(expect(Kind::query_status).routine);
  answer(position);
  EXPECT_LE(transfer_->want(now_).max_bytes, 64u * 1024);
}

TEST_F(PacedTransferTest, TheNextFileOnTheConnectionKnowsTheLink) {
  begin(true, {.connected = true, .ours = true, .shared = true, .rate = 100e6});
  EXPECT_GT(transfer_->want(now_).max_bytes, 64u * 1024);
  send();
  expect(Kind::query_status);
  EXPECT_EQ(wanted(), Kind::chunk) << "it needs no answer to go on";
  EXPECT_EQ(transfer_->rate(), 100e6);
}

TEST_F(PacedTransferTest, AnOriginalGetsChunksOfItsSize) {
  begin(false);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(transfer_->want(now_).max_bytes, kMost);
    first_passes();
  }
}

TEST_F(PacedTransferTest, ASmallFileIsNotAskedAbout) {
  for (const std::uint64_t size : {1u, 4096u, 20000u, 32768u}) {
    start(size);
    expect(Kind::post_file);
    allow(0);
    EXPECT_EQ(send(), 0u);
    EXPECT_EQ(send(), size) << "the last chunk follows at once";
    EXPECT_EQ(transfer_->stage(now_), Stage::verifying);
  }
}

TEST_F(PacedTransferTest, AnUnansweredQuestionOfRoutineIsFollowedByARealOneAndThatByANewConnection) {
  begin();
  send();
  ask();
  wait(30s);
  EXPECT_FALSE(expect(Kind::query_status).routine);
  wait(30s);
  EXPECT_EQ(wanted(), Kind::reopen);
}

}  // namespace
}  // namespace dync::client::transfer_pacing_test
