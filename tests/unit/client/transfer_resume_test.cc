// An upload that an earlier run began: what the server may answer, and what stays there for the next run.
#include "tests/unit/client/transfer_fixture.h"

namespace dync::client::transfer_resume_test {
namespace {

class ResumeTest : public TransferTest {
 protected:
  void start_known(std::optional<std::uint64_t> size = 1000, Start how = {.connected = true}) {
    size_ = size.value_or(1000);
    Upload upload{"name", "{}", kKey, size, std::nullopt};
    upload.known = true;
    transfer_.emplace(upload, Patience{}, how, now_);
  }
  void start_fresh(bool posted = true) {
    start(1000);
    if (posted) expect(Kind::post_file);
  }
  void refuse(std::uint32_t code) { hear(wire::ServerError{code, "no", kKey}); }
};

TEST_F(ResumeTest, GoesOnWhereTheServerIs) {
  start_known();
  expect(Kind::post_file);
  approve(64, true, 700);
  EXPECT_EQ(send(), 700u);
}

TEST_F(ResumeTest, TellsWhichUploadItReplacesEachTime) {
  Upload upload{"name", "{}", kKey, 1000, std::nullopt};
  upload.replaces = kOther;
  transfer_.emplace(upload, Patience{}, Start{.connected = true}, now_);
  EXPECT_EQ(transfer_->post_file().options->replaces, kOther);
  start(1000);
  EXPECT_EQ(transfer_->post_file().options->replaces, std::nullopt);
}

TEST_F(ResumeTest, AReceiptAtOnceCountsIfTheFileIsTheSame) {
  start_known();
  expect(Kind::post_file);
  hear(finished());
  EXPECT_FALSE(transfer_->over());
  EXPECT_EQ(transfer_->stage(now_), Stage::verifying);
  EXPECT_EQ(expect(Kind::digest).seek, 1000u);
  transfer_->source_waits();
  EXPECT_EQ(wanted(), Kind::nothing);
  wait(2h);  // a large file takes its time
  EXPECT_FALSE(transfer_->over());
  transfer_->source_ready();
  expect(Kind::digest);
  transfer_->hashed(some_digest());
  ASSERT_TRUE(stored());
  EXPECT_EQ(std::get<Stored>(transfer_->outcome()).upload_id, kUpload.hex());
  EXPECT_EQ(transfer_->position(), 1000u);
  EXPECT_FALSE(transfer_->resumable());
  EXPECT_TRUE(transfer_->reusable());
}

TEST_F(ResumeTest, AnEarlierRunsLastChunkMayEndItAfterTheApproval) {
  start_known();
  expect(Kind::post_file);
  approve(64, true, 1000);
  transfer_->source_waits();  // it hashes what lies before
  hear(finished());
  expect(Kind::digest);
  transfer_->hashed(some_digest());
  EXPECT_TRUE(stored());
}

TEST_F(ResumeTest, AReceiptAtOnceForOtherBytesIsAFailure) {
  start_known();
  expect(Kind::post_file);
  hear(finished());
  digest::Digest other = some_digest();
  other[0] ^= std::byte{1};
  transfer_->hashed(other);
  EXPECT_NE(failure().find("--no-resume"), std::string::npos) << failure();
}

TEST_F(ResumeTest, AReceiptOnASharedConnectionIsOfTheUploadBefore) {
  start_known(1000, {.connected = true, .ours = true, .shared = true});
  expect(Kind::post_file);
  hear(finished(kOther));
  EXPECT_EQ(transfer_->stage(now_), Stage::asking);
  approve(64, true, 700);
  EXPECT_EQ(send(), 700u);
}

TEST_F(ResumeTest, WhileItComparesNothingElseCounts) {
  start_known();
  expect(Kind::post_file);
  hear(finished());
  refuse(404);
  approve(64, true, 700);
  transfer_->connection_lost(now_);
  expect(Kind::digest);
  transfer_->fail("cannot read it", now_);
  EXPECT_EQ(failure(), "cannot read it");
  EXPECT_EQ(wanted(), Kind::nothing);
  EXPECT_TRUE(transfer_->resumable());
}

TEST_F(ResumeTest, WhatIsLeftStaysAtAServerOfOurs) {
  start_approved(1000);
  send();
  transfer_->leave("interrupted", now_);
  EXPECT_TRUE(transfer_->over()) << "without an error message, which would end the upload there";
  EXPECT_EQ(wanted(), Kind::nothing);
  EXPECT_EQ(failure(), "interrupted");
  EXPECT_TRUE(transfer_->resumable());
  EXPECT_FALSE(transfer_->reusable());
}

TEST_F(ResumeTest, WhatIsLeftBeforeTheAnswerStaysIfAnEarlierRunBeganIt) {
  start_known();
  expect(Kind::post_file);
  transfer_->leave("interrupted", now_);
  EXPECT_EQ(wanted(), Kind::nothing);
  EXPECT_TRUE(transfer_->resumable());
}

TEST_F(ResumeTest, AStreamAndAnOriginalAreToldOfTheEnd) {
  start(std::nullopt);
  expect(Kind::post_file);
  approve(64);
  send();
  transfer_->leave("interrupted", now_);
  expect(Kind::error);
  EXPECT_FALSE(transfer_->resumable());

  start_known();
  expect(Kind::post_file);
  approve(64, false);
  send();
  transfer_->leave("interrupted", now_);
  expect(Kind::error);
  EXPECT_FALSE(transfer_->resumable()) << "an original keeps nothing";
}

TEST_F(ResumeTest, AFailureOfTheClientsOwnStillEndsIt) {
  start_approved(1000);
  send();
  transfer_->fail("it changed", now_);
  expect(Kind::error);
  EXPECT_TRUE(transfer_->resumable()) << "the next run ends it for certain";
}

TEST_F(ResumeTest, NoAnswerForAnHourLeavesThePartial) {
  start_approved(1000);
  send();
  wait(3601s);
  EXPECT_NE(failure(), "");
  EXPECT_EQ(wanted(), Kind::nothing);
  EXPECT_TRUE(transfer_->resumable());
}

TEST_F(ResumeTest, ARefusedFreshOneLeavesNothing) {
  for (const std::uint32_t code : {400u, 403u, 409u, 413u, 422u, 429u, 500u, 507u}) {
    start_fresh();
    refuse(code);
    EXPECT_FALSE(transfer_->resumable()) << code;
  }
  start_fresh(false);
  transfer_->leave("cannot reach it", now_);
  EXPECT_FALSE(transfer_->resumable());
}

TEST_F(ResumeTest, ARefusedResumeLeavesThePartial) {
  for (const std::uint32_t code : {400u, 403u, 409u, 413u, 422u, 429u, 500u, 507u}) {
    start_known();
    expect(Kind::post_file);
    refuse(code);
    EXPECT_TRUE(transfer_->resumable()) << code;
  }
}

TEST_F(ResumeTest, AfterTheApprovalOnlyARuleEndsItForGood) {
  for (const std::uint32_t code : {400u, 408u, 409u, 413u, 429u, 500u, 503u, 507u}) {
    start_approved(1000);
    send();
    refuse(code);
    EXPECT_TRUE(transfer_->resumable()) << code;
  }
  start_approved(1000);
  send_all();
  refuse(422);  // the checksum differs: also the hashes that were kept may be wrong
  EXPECT_FALSE(transfer_->resumable());
}

TEST_F(ResumeTest, AnUnansweredPostFileMayHaveArrived) {
  start_fresh();
  transfer_->connection_lost(now_);
  transfer_->leave("interrupted", now_);
  EXPECT_TRUE(transfer_->resumable());
}

TEST_F(ResumeTest, AnotherUploadsReceiptForItsQuestionMakesItPostItsKeyAgain) {
  start_approved(1000);
  send();
  transfer_->connection_lost(now_);
  transfer_->connection_ready(now_);
  expect(Kind::query_status);
  hear(finished(kOther));
  expect(Kind::post_file);
  hear(wire::ServerError{409, "the upload was taken over by another connection", kKey});
  EXPECT_NE(failure(), "");
  EXPECT_TRUE(transfer_->resumable());
}

}  // namespace
}  // namespace dync::client::transfer_resume_test
