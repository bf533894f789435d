#include <gtest/gtest.h>

#include "client/sentences.h"
#include "tests/unit/client/transfer_fixture.h"

// The contract's rules for what a client does when sessions, names and connections change hands.
namespace dync::client::transfer_rules_test {
namespace {

class RulesTest : public TransferTest {};

TEST_F(RulesTest, WhatAnotherConnectionTookOverIsLeftToIt) {
  start_approved(1000, 3);
  send();
  hear(wire::ServerError{409, "the upload was taken over by another connection of the same user", kKey});
  EXPECT_TRUE(transfer_->over());
  EXPECT_EQ(wanted(), Kind::nothing) << "nothing is tried again, nothing is told";
  EXPECT_NE(failure().find("another run of dync goes on with this upload (409)"), std::string::npos);
  EXPECT_EQ(failure().find("name is taken"), std::string::npos);
}

TEST_F(RulesTest, ANameThatIsTakenIsAnotherConflict) {
  start(1000);
  expect(Kind::post_file);
  hear(wire::ServerError{409, "the dropbox has such a data set, send it under another name", kKey});
  EXPECT_NE(failure().find("the name is taken on the server (409)"), std::string::npos);
}

TEST_F(RulesTest, AStoppingServerIsAskedAgainAlsoInTheMiddleOfAnUpload) {
  start_approved(1000, 2);
  send_all();
  hear(wire::ServerError{404, "no such upload", std::nullopt});
  expect(Kind::post_file);
  for (int i = 0; i < 3; ++i) {
    hear(wire::ServerError{503, "the server is stopping", kKey});
    EXPECT_EQ(transfer_->stage(now_), Stage::refused_for_now);
    while (wanted() == Kind::nothing) wait(50ms);
    expect(Kind::post_file);
  }
  approve(9, true, 100);
  EXPECT_EQ(send(), 100u);
}

TEST_F(RulesTest, AStoppingServerIsAskedAgainAfterAReportThatWasLost) {
  start_approved(1000, 2);
  send_all();
  transfer_->connection_lost(now_);
  transfer_->connection_ready(now_);
  expect(Kind::query_status);
  hear(wire::TransferCredit{0});
  expect(Kind::post_file);
  hear(wire::ServerError{503, "the server is stopping", kKey});
  EXPECT_FALSE(transfer_->over());
  while (wanted() == Kind::nothing) wait(50ms);
  expect(Kind::post_file);
}

TEST_F(RulesTest, ALostSessionIsAskedForUnderTheSameKey) {
  start_approved(1000, 3);
  send();
  hear(wire::ServerError{404, "no such upload", std::nullopt});
  expect(Kind::post_file);
  EXPECT_EQ(transfer_->post_file().options->key, kKey);
  EXPECT_EQ(transfer_->post_file().options->size, 1000u);
}

// Chunks that were on their way each bring such an error; only the first means something.
TEST_F(RulesTest, FurtherErrorsOfALostSessionDoNotEndTheUpload) {
  start_approved(1000, 3);
  send_all();
  hear(wire::ServerError{404, "no such upload", std::nullopt});
  expect(Kind::post_file);
  for (int i = 0; i < 5; ++i) hear(wire::ServerError{404, "no such upload", std::nullopt});
  hear(wire::StatusReport{200, 3});
  hear(wire::TransferCredit{3});
  EXPECT_EQ(wanted(), Kind::nothing) << "only what echoes the key answers the post-file";
  approve(3, true, 100);
  EXPECT_EQ(send(), 100u);
}

TEST_F(RulesTest, AFreshRoutingIdHearsNothingOldAndNeedsNoEcho) {
  start_approved(1000, 3);
  send();
  hear(wire::ServerError{403, "not your upload", std::nullopt});
  EXPECT_TRUE(expect(Kind::reopen).fresh_id);
  transfer_->connection_ready(now_);
  expect(Kind::post_file);
  hear(wire::ServerError{403, "your key was revoked", std::nullopt});
  EXPECT_NE(failure().find("revoked"), std::string::npos);
}

TEST_F(RulesTest, AnUploadFinishedOfAnotherUploadIsIgnoredAtEachStage) {
  start_approved(100, 3);
  hear(finished(kOther));
  send();
  hear(finished(kOther));
  send_all();
  hear(finished(kOther));
  EXPECT_EQ(transfer_->stage(now_), Stage::verifying);
  transfer_->connection_lost(now_);
  transfer_->connection_ready(now_);
  expect(Kind::query_status);
  hear(finished(kOther));
  EXPECT_FALSE(transfer_->over());
  hear(finished());
  EXPECT_TRUE(stored());
}

TEST_F(RulesTest, AFinishedUploadAnswersThePostFileOfItsKey) {
  start_approved(100, 3);
  send_all();
  hear(wire::ServerError{404, "no such upload", std::nullopt});
  expect(Kind::post_file);
  hear(finished());
  EXPECT_TRUE(stored());
}

TEST_F(RulesTest, WhatTheServerHasWhollyIsEndedByTheLastChunkAgain) {
  start(1000);
  expect(Kind::post_file);
  approve(1, true, 1000);
  EXPECT_EQ(send(), 1000u);
  EXPECT_EQ(transfer_->stage(now_), Stage::verifying);
  hear(finished());
  EXPECT_TRUE(stored());
}

TEST_F(RulesTest, AfterTheLastChunkAnApprovalBringsItAgain) {
  start_approved(1000, 20);
  send_all();
  transfer_->connection_lost(now_);
  transfer_->connection_ready(now_);
  expect(Kind::query_status);
  hear(wire::ServerError{404, "no such upload", std::nullopt});
  expect(Kind::post_file);
  approve(1, true, 1000);
  EXPECT_EQ(send(), 1000u);
  hear(finished());
  EXPECT_TRUE(stored());
}

TEST_F(RulesTest, AnApprovalWithoutCreditWaitsAndSaysSo) {
  start_approved(1000, 0);
  EXPECT_EQ(wanted(), Kind::nothing);
  wait(3s);
  EXPECT_EQ(transfer_->stage(now_), Stage::waiting);
  hear(wire::TransferCredit{1});
  EXPECT_EQ(send(), 0u);
}

TEST_F(RulesTest, AReopenedConnectionToAnOriginalAsksAndNeverPosts) {
  start_approved(1000, 2, false);
  send_all();
  wait(30s);
  expect(Kind::query_status);
  wait(30s);
  EXPECT_FALSE(expect(Kind::reopen).fresh_id) << "the routing id is all that an original knows";
  transfer_->connection_ready(now_);
  expect(Kind::query_status);
  hear(wire::ServerError{500, std::string(kOriginalForgot), std::nullopt});
  EXPECT_EQ(wanted(), Kind::nothing);
  EXPECT_NE(failure().find("Unknown connection."), std::string::npos);
}

TEST_F(RulesTest, AnOriginalsUploadThatHadAllBytesButNotTheLastChunkGoesOn) {
  start_approved(1000, 20, false);
  send_all();
  transfer_->connection_lost(now_);
  transfer_->connection_ready(now_);
  expect(Kind::query_status);
  hear(wire::StatusReport{1000, 200});
  EXPECT_EQ(send(), 1000u) << "the last chunk again";
  hear(wire::UploadFinished{"x", std::nullopt});
  EXPECT_TRUE(stored());
}

TEST_F(RulesTest, AQuestionFromBeforeTheLastChunkDoesNotBringItAgain) {
  start(1000);
  expect(Kind::post_file);
  approve(20);
  transfer_->source_waits();
  wait(20s);
  expect(Kind::query_status);
  transfer_->source_ready();
  send_all();
  hear(wire::StatusReport{0, 20});
  EXPECT_EQ(transfer_->stage(now_), Stage::verifying);
}

TEST_F(RulesTest, ItsSignOfLifeKeepsASilentSourceAliveForHours) {
  start_approved(1000, 9);
  int asked = 0;
  for (int second = 0; second < 7200; ++second) {
    transfer_->source_waits();
    wait(1s);
    if (wanted() != Kind::query_status) continue;
    expect(Kind::query_status);
    hear(asked++ % 2 == 0 ? wire::ServerMessage(wire::StatusReport{0, 9}) : wire::TransferCredit{0});
  }
  EXPECT_FALSE(transfer_->over());
  EXPECT_GE(asked, 7200 / 20 - 1);
}

}  // namespace
}  // namespace dync::client::transfer_rules_test
