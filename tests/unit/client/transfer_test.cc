#include "client/transfer.h"

#include <gtest/gtest.h>
#include <vector>

#include "client/sentences.h"
#include "tests/unit/client/transfer_fixture.h"

namespace dync::client::transfer_test {
namespace {

TEST_F(TransferTest, SendsChunksThenAnEmptyLastOneAndIsStoredAtUploadFinished) {
  start_approved(250);
  EXPECT_EQ(send(), 0u);
  EXPECT_EQ(send(), 100u);
  EXPECT_EQ(send(), 200u);
  EXPECT_EQ(transfer_->stage(now_), Stage::sending);
  EXPECT_EQ(send(), 250u);
  EXPECT_EQ(transfer_->stage(now_), Stage::verifying);
  EXPECT_EQ(wanted(), Kind::nothing);
  hear(finished());
  EXPECT_TRUE(stored());
  EXPECT_TRUE(transfer_->reusable());
}

TEST_F(TransferTest, NeverSendsMoreChunksThanItsCredit) {
  start_approved(1000, 2);
  send_all();
  EXPECT_EQ(transfer_->position(), 200u);
  EXPECT_EQ(transfer_->stage(now_), Stage::sending);
  wait(2s);
  EXPECT_EQ(transfer_->stage(now_), Stage::waiting) << "short of credit for long enough to be told";
  hear(wire::TransferCredit{3});
  send_all();
  EXPECT_EQ(transfer_->position(), 500u);
}

TEST_F(TransferTest, TheEmptyLastChunkNeedsCreditToo) {
  start_approved(200, 2);
  send_all();
  EXPECT_FALSE(transfer_->digest().has_value());
  hear(wire::TransferCredit{1});
  send_all();
  EXPECT_EQ(transfer_->stage(now_), Stage::verifying);
}

TEST_F(TransferTest, AnEmptyFileIsOneLastChunk) {
  start_approved(0);
  EXPECT_EQ(send(), 0u);
  hear(finished());
  EXPECT_TRUE(stored());
}

TEST_F(TransferTest, AStatusReportRewindsAndStatesTheCreditAbsolutely) {
  start_approved(1000, 5);
  send_all();
  hear(wire::StatusReport{100, 2});
  EXPECT_EQ(send(), 100u);
  EXPECT_EQ(send(), 200u);
  EXPECT_EQ(wanted(), Kind::nothing);
}

TEST_F(TransferTest, CreditThatWasNotSpentDoesNotAddToAReport) {
  start_approved(1000, 5);
  send();
  hear(wire::StatusReport{0, 2});
  send_all();
  EXPECT_EQ(transfer_->position(), 200u);
}

TEST_F(TransferTest, AfterARewindIntoAChunkTheNextOneEndsWhereItEndedBefore) {
  start_approved(1000, 5);
  send_all();
  hear(wire::StatusReport{130, 9});
  const Want want = transfer_->want(now_);
  EXPECT_EQ(want.seek, 130u);
  EXPECT_EQ(want.max_bytes, 70u);
}

TEST_F(TransferTest, AStatusReportAfterTheLastChunkBringsItAgain) {
  start_approved(100);
  send_all();
  EXPECT_TRUE(transfer_->last_sent());
  hear(wire::StatusReport{100, 4});
  EXPECT_FALSE(transfer_->last_sent()) << "the server can't have stored it";
  EXPECT_EQ(send(), 100u);
  EXPECT_TRUE(transfer_->last_sent());
  hear(wire::StatusReport{0, 4});
  EXPECT_EQ(send(), 0u);
}

TEST_F(TransferTest, AReportBeyondWhatWasSentIsRefused) {
  start_approved(1000, 2);
  send_all();
  hear(wire::StatusReport{300, 2});
  expect(Kind::error);
  EXPECT_NE(failure().find("more of the file"), std::string::npos);
}

TEST_F(TransferTest, AnApprovalSaysWhereToGoOn) {
  start(1000);
  expect(Kind::post_file);
  approve(3, true, 300);
  EXPECT_EQ(send(), 300u);
}

TEST_F(TransferTest, AnApprovalBeyondTheFileOrWithoutChunksIsRefused) {
  start(1000);
  expect(Kind::post_file);
  approve(3, true, 1001);
  expect(Kind::error);
  EXPECT_TRUE(transfer_->over());

  start(1000);
  expect(Kind::post_file);
  hear(wire::UploadApproved{1, 0, 4, std::nullopt});
  expect(Kind::error);
  EXPECT_NE(failure().find("0 bytes"), std::string::npos);
}

TEST_F(TransferTest, AfterThirtySecondsOfSilenceItAsksThenOpensANewConnectionWithTheSameId) {
  start_approved(1000, 1);
  send_all();
  wait(29s);
  EXPECT_EQ(wanted(), Kind::nothing);
  wait(1s);
  expect(Kind::query_status);
  wait(29s);
  EXPECT_EQ(wanted(), Kind::nothing);
  wait(1s);
  EXPECT_FALSE(expect(Kind::reopen).fresh_id);
  EXPECT_EQ(wanted(), Kind::nothing);
  transfer_->connection_ready(now_);
  expect(Kind::query_status);
}

TEST_F(TransferTest, ASlowConnectionIsNotTakenForAMuteOne) {
  start_approved(1000, 1);
  send_all();
  for (int i = 0; i < 20; ++i) {
    wait(20s);
    transfer_->link_moved(now_);
  }
  EXPECT_EQ(wanted(), Kind::nothing);
}

TEST_F(TransferTest, GivesUpAfterAnHourOfSilenceAndTellsAnOriginal) {
  start_approved(1000, 1, false);
  send_all();
  for (int i = 0; i < 130 && wanted() != Kind::error; ++i) {
    wait(30s);
    if (wanted() == Kind::reopen) {
      expect(Kind::reopen);
      transfer_->connection_ready(now_);
    }
    if (wanted() == Kind::query_status) expect(Kind::query_status);
  }
  EXPECT_GE(now_ - Time(1h), 3600s);
  EXPECT_LE(now_ - Time(1h), 3660s);
  expect(Kind::error);
  EXPECT_NE(failure().find("no answer"), std::string::npos);
}

TEST_F(TransferTest, AnsweredQueriesNeverEndTheUpload) {
  start_approved(1000, 0);
  for (int i = 0; i < 500; ++i) {
    wait(30s);
    expect(Kind::query_status);
    hear(wire::TransferCredit{0});
  }
  EXPECT_EQ(transfer_->stage(now_), Stage::waiting);
  hear(wire::TransferCredit{64});
  send_all();
  EXPECT_EQ(transfer_->stage(now_), Stage::verifying);
}

TEST_F(TransferTest, AServerThatPausesIsAskedBeforeItIsGivenUpHoweverShortTheTimeoutIs) {
  for (const std::chrono::milliseconds timeout : {1s, 5s, 30s, 3600s}) {
    start(1000, {.connected = true}, patience_for(timeout));
    expect(Kind::post_file);
    approve(0);
    for (int i = 0; i < 500; ++i) {
      wait(std::min<std::chrono::milliseconds>(30s, timeout / 2));
      expect(Kind::query_status);
      hear(wire::TransferCredit{0});
    }
    EXPECT_FALSE(transfer_->over());
    while (!transfer_->over() && now_ < Time(10000h)) wait(timeout / 10);
    EXPECT_NE(failure().find("no answer"), std::string::npos);
  }
}

TEST_F(TransferTest, AnIdleSourceGivesItsSignOfLifeBeforeAShortTimeout) {
  start(1000, {.connected = true}, patience_for(6s));
  expect(Kind::post_file);
  approve(64);
  transfer_->source_waits();
  wait(1s);
  EXPECT_EQ(wanted(), Kind::nothing);
  wait(1s);
  expect(Kind::query_status);
}

TEST_F(TransferTest, AShortTimeoutNeverPostsAFileTwice) {
  start(1000, {.connected = true}, patience_for(20s));
  expect(Kind::post_file);
  wait(19s);
  EXPECT_EQ(wanted(), Kind::nothing) << "a slow original would have two uploads of one name";
  wait(1s);
  expect(Kind::error);
  EXPECT_NE(failure().find("no answer"), std::string::npos);
}

TEST_F(TransferTest, AnIdleSourceGivesASignOfLifeEveryTwentySeconds) {
  start_approved(1000);
  transfer_->source_waits();
  EXPECT_EQ(wanted(), Kind::nothing);
  wait(19s);
  EXPECT_EQ(wanted(), Kind::nothing);
  wait(1s);
  expect(Kind::query_status);
  hear(wire::StatusReport{0, 64});
  transfer_->source_waits();
  wait(20s);
  expect(Kind::query_status);
  transfer_->source_ready();
  EXPECT_EQ(wanted(), Kind::chunk);
}

TEST_F(TransferTest, AfterAReconnectItAsksAtOnceAndSendsNothingBeforeTheAnswer) {
  start_approved(1000, 9);
  send();
  send();
  transfer_->connection_lost(now_);
  EXPECT_EQ(transfer_->stage(now_), Stage::reconnecting);
  EXPECT_EQ(wanted(), Kind::nothing);
  transfer_->connection_ready(now_);
  expect(Kind::query_status);
  EXPECT_EQ(wanted(), Kind::nothing);
  hear(wire::StatusReport{100, 8});
  EXPECT_EQ(send(), 100u);
  EXPECT_EQ(transfer_->attempts(), 2u);
}

TEST_F(TransferTest, AReportLostWithTheConnectionIsReplacedByAnotherApproval) {
  start_approved(1000, 2);
  send_all();
  transfer_->connection_lost(now_);
  transfer_->connection_ready(now_);
  expect(Kind::query_status);
  hear(wire::TransferCredit{0});  // it reported this position less than 25 s ago
  expect(Kind::post_file);
  approve(2, true, 100);
  EXPECT_EQ(send(), 100u);
}

TEST_F(TransferTest, WithAnOriginalAReconnectNeverPostsTheFileAgain) {
  start_approved(1000, 2, false);
  send_all();
  for (int i = 0; i < 5; ++i) {
    transfer_->connection_lost(now_);
    transfer_->connection_ready(now_);
    expect(Kind::query_status);
    hear(wire::TransferCredit{0});
    EXPECT_EQ(wanted(), Kind::nothing);
    wait(30s);
    expect(Kind::query_status);
    hear(wire::StatusReport{100, 1});
    send_all();
  }
  EXPECT_FALSE(transfer_->reusable());
}

TEST_F(TransferTest, APostFileWhoseAnswerIsLostIsPostedAgainUnderAFreshRoutingId) {
  start(1000);
  expect(Kind::post_file);
  transfer_->connection_lost(now_);
  wait(300ms);
  EXPECT_TRUE(expect(Kind::reopen).fresh_id);
  transfer_->connection_ready(now_);
  expect(Kind::post_file);

  start(1000);
  expect(Kind::post_file);
  wait(30s);
  EXPECT_TRUE(expect(Kind::reopen).fresh_id);
  transfer_->connection_ready(now_);
  expect(Kind::post_file);
  wait(30s);
  EXPECT_EQ(wanted(), Kind::nothing) << "a slow original is not flooded";
  wait(30s);
  expect(Kind::reopen);
}

TEST_F(TransferTest, OnASharedConnectionOnlyTheEchoedKeyAnswers) {
  start(300, {.connected = true, .ours = true, .shared = true});
  expect(Kind::post_file);
  hear(wire::UploadApproved{9, kChunk, 4, std::nullopt});
  hear(wire::UploadApproved{9, kChunk, 4, wire::ApprovalOptions{kOther, kUpload, 0, 10}});
  hear(finished(kOther));
  hear(wire::TransferCredit{5});
  hear(wire::StatusReport{0, 5});
  hear(wire::ServerError{409, "late", std::nullopt});
  hear(wire::ServerError{409, "late", kOther});
  EXPECT_EQ(transfer_->stage(now_), Stage::asking);
  approve(9);
  send_all();
  hear(finished(kOther));
  EXPECT_FALSE(transfer_->over());
  hear(finished());
  EXPECT_TRUE(stored());
}

TEST_F(TransferTest, OnASharedConnectionWithoutAKeyedAnswerAFreshOneIsTried) {
  start(300, {.connected = true, .ours = true, .shared = true});
  expect(Kind::post_file);
  hear(wire::ServerError{400, "unreadable", std::nullopt});
  wait(30s);
  expect(Kind::reopen);
  transfer_->connection_ready(now_);
  expect(Kind::post_file);
  hear(wire::ServerError{400, "unreadable", std::nullopt});
  EXPECT_NE(failure().find("unreadable"), std::string::npos);
}

TEST_F(TransferTest, RefusalsAreFinalAndSayWhatTheServerSaid) {
  for (const std::uint32_t code : {400u, 403u, 408u, 409u, 413u, 422u, 429u, 500u, 507u, 999u}) {
    start(300);
    expect(Kind::post_file);
    hear(wire::ServerError{code, "because of this", kKey});
    EXPECT_NE(failure().find("because of this"), std::string::npos) << code;
    EXPECT_NE(failure().find(std::to_string(code)), std::string::npos);
    EXPECT_EQ(wanted(), Kind::nothing) << "the server is not told about its own error";
  }
}

TEST_F(TransferTest, AStoppingServerIsAskedAgainWithGrowingPauses) {
  start(300);
  std::vector<std::chrono::milliseconds> pauses;
  for (int i = 0; i < 12; ++i) {
    expect(Kind::post_file);
    hear(wire::ServerError{503, "stopping", kKey});
    EXPECT_EQ(transfer_->stage(now_), Stage::refused_for_now);
    const Time before = now_;
    while (wanted() == Kind::nothing) wait(50ms);
    pauses.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(now_ - before));
  }
  EXPECT_LE(pauses.front(), 1s);
  EXPECT_EQ(pauses.back(), 30s);
  expect(Kind::post_file);
  approve(9);
  EXPECT_EQ(transfer_->stage(now_), Stage::sending);
}

TEST_F(TransferTest, AStoppingServerIsGivenUpAfterTheTimeout) {
  start(300);
  while (!transfer_->over() && now_ < Time(4h)) {
    if (wanted() == Kind::post_file) {
      expect(Kind::post_file);
      hear(wire::ServerError{503, now_ < Time(90min) ? "stopping" : "no committer", kKey});
    }
    wait(1s);
  }
  EXPECT_EQ(failure(), "the server is stopping (503): no committer; it was asked for 3600 s");
  EXPECT_EQ(now_, Time(2h));
}

TEST_F(TransferTest, AServerThatStoppedOnceAndLaterSaysNothingGaveNoAnswer) {
  start(300);
  expect(Kind::post_file);
  hear(wire::ServerError{503, "stopping", kKey});
  while (wanted() == Kind::nothing) wait(50ms);
  expect(Kind::post_file);
  approve(0);
  wait(3600s);
  EXPECT_EQ(failure(), "no answer from the server for 3600 s");
}

TEST_F(TransferTest, ASessionThatTheServerLostIsFoundAgainByItsKeyButNotForEver) {
  start_approved(1000, 3);
  send();
  int found = 0;
  for (; !transfer_->over() && found < 1000; ++found) {
    hear(wire::ServerError{404, "no such upload", std::nullopt});
    if (transfer_->over()) break;
    expect(Kind::post_file);
    approve(3, true, 100);
    EXPECT_EQ(send(), 100u);
  }
  EXPECT_GE(found, 3);
  EXPECT_NE(failure().find("404"), std::string::npos);
}

TEST_F(TransferTest, AStolenRoutingIdIsLeftForAFreshOne) {
  start_approved(1000, 3);
  send();
  hear(wire::ServerError{403, "not your upload", std::nullopt});
  EXPECT_TRUE(expect(Kind::reopen).fresh_id);
  transfer_->connection_ready(now_);
  expect(Kind::post_file);
}

TEST_F(TransferTest, AnOriginalThatForgotTheUploadAfterItsLastChunkLeavesItOpen) {
  start_approved(100, 9, false);
  send_all();
  hear(wire::ServerError{500, std::string(kOriginalForgot), std::nullopt});
  EXPECT_NE(failure().find("may have arrived"), std::string::npos);
}

TEST_F(TransferTest, AnOriginalsUploadFinishedIsTakenWithoutAReceipt) {
  start_approved(100, 9, false);
  hear(wire::UploadFinished{"abc", std::nullopt});
  EXPECT_FALSE(stored()) << "nothing was sent yet";

  start_approved(100, 9, false);
  send_all();
  hear(wire::UploadFinished{"abc", std::nullopt});
  ASSERT_TRUE(stored());
  EXPECT_EQ(std::get<Stored>(transfer_->outcome()).upload_id, "abc");
}

TEST_F(TransferTest, AReceiptForOtherBytesIsNoSuccess) {
  start_approved(100);
  send_all();
  auto message = finished();
  message.receipt->sha256.fill(std::byte{8});
  hear(message);
  EXPECT_FALSE(stored());
  EXPECT_TRUE(transfer_->over());
}

TEST_F(TransferTest, ItsOwnFailureIsToldToTheServerOnlyIfItKnowsTheUpload) {
  start_approved(1000);
  send();
  transfer_->fail("changed", now_);
  EXPECT_EQ(wanted(), Kind::error);
  EXPECT_EQ(transfer_->error().message, "changed");
  EXPECT_FALSE(transfer_->over());
  wait(1s);
  EXPECT_TRUE(transfer_->over()) << "it does not wait for a connection that takes nothing";

  start(1000, {.connected = false});
  transfer_->fail("changed", now_);
  EXPECT_TRUE(transfer_->over());
}

}  // namespace
}  // namespace dync::client::transfer_test
