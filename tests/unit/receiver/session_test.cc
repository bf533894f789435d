#include "receiver/session.h"

#include <gtest/gtest.h>

#include "schema/limits/limits.h"
#include "tests/unit/receiver/driver.h"

namespace dync::receiver {
namespace {

using limits::kMiB;

using namespace std::chrono_literals;

constexpr std::uint32_t kFirst = limits::kFirstWindow / kMiB;  // chunks of ours at the approval

TEST(Session, ApprovesOursWithOptionsAndAnOriginalWithout) {
  Driver ours(true);
  const auto approved = sent<wire::UploadApproved>(ours.approve());
  ASSERT_EQ(approved.size(), 1U);
  EXPECT_EQ(approved[0].chunk_size, kMiB);
  EXPECT_EQ(approved[0].max_queue, 64U);
  EXPECT_EQ(approved[0].credit, kFirst);
  ASSERT_TRUE(approved[0].options);
  EXPECT_EQ(approved[0].options->key, ours.key);
  EXPECT_EQ(approved[0].options->upload_id, ours.upload);
  EXPECT_EQ(approved[0].options->untar_max_members, 10U);

  Driver original(false);
  const auto plain = sent<wire::UploadApproved>(original.approve());
  ASSERT_EQ(plain.size(), 1U);
  EXPECT_FALSE(plain[0].options);
  EXPECT_EQ(plain[0].chunk_size, 256 * 1024U);
  EXPECT_EQ(plain[0].max_queue, 100U);
  EXPECT_EQ(plain[0].credit, limits::kFirstWindow / limits::kOriginalChunk);
}

TEST(Session, TakesAFileInOrderAndCompletesIt) {
  Driver driver(true);
  driver.approve();
  EXPECT_EQ(wanted<Take>(driver.chunk(0, 1000)).at(0).offset, 0U);
  EXPECT_EQ(wanted<Take>(driver.chunk(1000, 24)).at(0).offset, 1000U);
  const auto end = driver.chunk(1024, 10, true);
  EXPECT_EQ(wanted<Take>(end).size(), 1U) << "the last chunk's data comes first";
  EXPECT_EQ(wanted<Complete>(end).at(0).size, 1034U);
  EXPECT_EQ(driver.session.state(), State::finishing);
  const auto finished = driver.did(driver.session.on_receipt(receipt_for(driver)));
  EXPECT_EQ(sent<wire::UploadFinished>(finished).at(0).upload_id, driver.upload.hex());
  EXPECT_TRUE(sent<wire::UploadFinished>(finished).at(0).receipt);
  EXPECT_EQ(wanted<Release>(finished).size(), 1U);
  EXPECT_EQ(driver.book.used(), 0U);
}

TEST(Session, AnEmptyFileIsOneEmptyLastChunk) {
  Driver driver(false);
  driver.approve();
  const auto end = driver.chunk(0, 0, true);
  EXPECT_TRUE(wanted<Take>(end).empty());
  EXPECT_EQ(wanted<Complete>(end).at(0).size, 0U);
}

TEST(Session, AnOriginalGetsNoReceiptFrame) {
  Driver driver(false);
  driver.approve();
  driver.chunk(0, 5, true);
  const auto finished = driver.did(driver.session.on_receipt(receipt_for(driver)));
  EXPECT_FALSE(sent<wire::UploadFinished>(finished).at(0).receipt);
}

TEST(Session, TheSamePostFileGetsTheSameApprovalAndAnother409) {
  Driver driver(true);
  driver.say(driver.post());
  EXPECT_TRUE(driver.say(driver.post()).empty()) << "the answer is on its way";
  driver.did(driver.session.on_opened(ipc::Opened{1, driver.upload, 0, 0, 10}, driver.now));
  driver.chunk(0, 100);
  const auto again = sent<wire::UploadApproved>(driver.say(driver.post()));
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].options->seek, 100U);
  EXPECT_EQ(again[0].credit, kFirst - 1) << "absolute: what is left of the limit";

  auto other = driver.post("b.txt");
  other.options->key = driver.upload;
  const auto refused = driver.say(other);
  EXPECT_EQ(code_of(refused), 409U);
  EXPECT_EQ(sent<wire::ServerError>(refused).at(0).key, driver.upload) << "the key of what is refused";
  EXPECT_TRUE(wanted<Abort>(refused).empty());
  EXPECT_EQ(wanted<Take>(driver.chunk(100, 100)).size(), 1U) << "the upload goes on";
}

TEST(Session, AGapIsReportedOnceAndTheRestDroppedUntilItFits) {
  Driver driver(true);
  driver.approve();
  driver.chunk(0, 100);
  const auto report = driver.chunk(200, 100);
  ASSERT_EQ(sent<wire::StatusReport>(report).size(), 1U);
  EXPECT_EQ(sent<wire::StatusReport>(report)[0].seek, 100U);
  EXPECT_EQ(sent<wire::StatusReport>(report)[0].credit, kFirst - 1);
  EXPECT_TRUE(driver.chunk(300, 100).empty());
  driver.pass(24s);
  EXPECT_TRUE(driver.chunk(400, 100).empty());
  driver.pass(1s);
  EXPECT_TRUE(driver.chunk(500, 100).empty()) << "once; who missed it asks";
  EXPECT_EQ(sent<wire::StatusReport>(driver.say(wire::QueryStatus{})).size(), 1U);
  EXPECT_EQ(wanted<Take>(driver.chunk(100, 100)).size(), 1U);
  EXPECT_EQ(sent<wire::StatusReport>(driver.chunk(900, 100)).size(), 1U) << "a new position, at once";
}

TEST(Session, ARepeatIsDropped) {
  Driver driver(true);
  driver.approve();
  driver.chunk(0, 100);
  EXPECT_TRUE(driver.chunk(0, 100).empty());
  EXPECT_TRUE(driver.chunk(50, 100).empty());
  EXPECT_EQ(driver.session.expected(), 100U);
}

TEST(Session, AQueryGetsOneReportAPositionAndElseNoCredit) {
  Driver driver(true);
  driver.approve();
  EXPECT_EQ(sent<wire::StatusReport>(driver.say(wire::QueryStatus{})).size(), 1U);
  const auto second = driver.say(wire::QueryStatus{});
  ASSERT_EQ(sent<wire::TransferCredit>(second).size(), 1U);
  EXPECT_EQ(sent<wire::TransferCredit>(second)[0].amount, 0U);
  driver.pass(25s);
  EXPECT_EQ(sent<wire::StatusReport>(driver.say(wire::QueryStatus{})).size(), 1U);
}

TEST(Session, AnOriginalGetsNoReportBeforeItsFirstChunk) {
  Driver driver(false);
  driver.approve();
  for (std::uint32_t i = 0; i < limits::kOriginalQueue - limits::kFirstWindow / limits::kOriginalChunk; ++i) {
    const auto nudge = driver.say(wire::QueryStatus{});
    ASSERT_TRUE(sent<wire::StatusReport>(nudge).empty());
    EXPECT_EQ(sent<wire::TransferCredit>(nudge).at(0).amount, 1U);
    driver.pass(30s);
  }
  EXPECT_EQ(sent<wire::TransferCredit>(driver.say(wire::QueryStatus{})).at(0).amount, 0U);
  // Its chunks were lost; the one that the nudge brought shows it.
  EXPECT_EQ(sent<wire::StatusReport>(driver.chunk(256 * 1024, 10)).at(0).seek, 0U);
}

TEST(Session, WithoutBudgetAnOriginalIsApprovedAndNudgedWithNothing) {
  Driver driver(false, 0);
  EXPECT_EQ(sent<wire::UploadApproved>(driver.approve()).at(0).credit, 0U);
  EXPECT_EQ(sent<wire::TransferCredit>(driver.say(wire::QueryStatus{})).at(0).amount, 0U);
}

TEST(Session, AnOriginalThatCannotRewindHears500) {
  Driver driver(false);
  driver.approve();
  constexpr std::uint64_t kChunk = 256 * 1024;
  EXPECT_EQ(sent<wire::StatusReport>(driver.chunk(99 * kChunk, 10)).size(), 1U);
  const auto lost = driver.chunk(99 * kChunk + 1, 10);
  EXPECT_EQ(code_of(lost), 500U);
  EXPECT_EQ(wanted<Abort>(lost).size(), 1U);
}

TEST(Session, WhatAClientDoesWrongEndsItsUploadWithTheCode) {
  struct Case {
    const char* what;
    std::uint32_t code;
    std::uint64_t seek;
    std::size_t bytes;
    bool last;
    bool checksum;
  };
  const Case cases[] = {
      {"too large", 413, 0, kMiB + 1, false, true},
      {"empty, not last", 400, 0, 0, false, true},
      {"no checksum", 400, 0, 1, true, false},
      {"beyond 2^63", 400, std::uint64_t{1} << 63, 1, false, true},
      {"overflow", 400, ~std::uint64_t{0}, 1, false, true},
  };
  for (const Case& one : cases) {
    Driver driver(true);
    driver.approve();
    wire::PostChunk chunk{one.last, one.seek, std::span(driver.data).first(one.bytes), {}};
    if (one.checksum && one.last) chunk.checksum = digest::Digest{};
    const auto ended = driver.say(chunk);
    EXPECT_EQ(code_of(ended), one.code) << one.what;
    EXPECT_EQ(wanted<Abort>(ended).size(), 1U) << one.what;
    EXPECT_EQ(driver.session.state(), State::failed) << one.what;
    EXPECT_EQ(driver.book.used(), 0U) << one.what;
  }
}

TEST(Session, MoreThanTheCreditIs429) {
  Driver driver(true);
  driver.approve();
  for (std::uint64_t i = 0; i < kFirst; ++i) ASSERT_EQ(wanted<Take>(driver.chunk(i, 1)).size(), 1U);
  EXPECT_EQ(code_of(driver.chunk(kFirst, 1)), 429U);
}

TEST(Session, AFileThatIsNotAsLongAsAnnouncedIsRefused) {
  for (const std::size_t bytes : {9U, 11U}) {
    Driver driver(true);
    driver.size = 10;
    driver.approve();
    EXPECT_EQ(code_of(driver.chunk(0, bytes, true)), 422U);
  }
  Driver exact(true);
  exact.size = 10;
  exact.approve();
  EXPECT_EQ(wanted<Complete>(exact.chunk(0, 10, true)).size(), 1U);
}

TEST(Session, MalformedEndsALiveUploadAndNothingElse) {
  const wire::Refusal malformed{wire::Code::malformed, "no such command"};
  Driver live(true);
  live.approve();
  const auto ended = live.did(live.session.on_malformed(malformed, std::nullopt, live.now));
  EXPECT_EQ(code_of(ended), 400U);
  EXPECT_EQ(wanted<Abort>(ended).size(), 1U);

  Driver opening(true);
  opening.say(opening.post());
  EXPECT_EQ(wanted<Withdraw>(opening.did(opening.session.on_malformed(malformed, std::nullopt, opening.now)))
                .size(),
            1U);

  Driver complete(true);
  complete.approve();
  complete.chunk(0, 1, true);
  EXPECT_TRUE(complete.session.on_malformed(malformed, std::nullopt, complete.now).empty());
  EXPECT_EQ(complete.session.state(), State::finishing);
}

TEST(Session, TheClientsErrorAborts) {
  Driver driver(true);
  driver.approve();
  const auto ended = driver.say(wire::ClientError{500, "interrupted"});
  ASSERT_EQ(wanted<Abort>(ended).size(), 1U);
  EXPECT_NE(wanted<Abort>(ended)[0].why.code, wire::Code::internal) << "the server did nothing wrong";
  EXPECT_NE(wanted<Abort>(ended)[0].why.sentence.find("interrupted"), std::string::npos);
  EXPECT_EQ(code_of(ended), 0U) << "who gave up needs no answer";
}

TEST(Session, TheAnswerIsRepeatedAFewTimesASecond) {
  Driver driver(true);
  driver.approve();
  driver.chunk(0, 5, true);
  driver.did(driver.session.on_receipt(receipt_for(driver)));
  int answers = 0;
  for (int ms = 0; ms < 1000; ms += 10) {
    driver.pass(10ms);
    answers += static_cast<int>(sent<wire::UploadFinished>(driver.chunk(0, 5, true)).size());
  }
  EXPECT_GE(answers, 1);
  EXPECT_LE(answers, 4);
  driver.pass(limits::kRepeatPause);
  EXPECT_EQ(sent<wire::UploadFinished>(driver.say(wire::QueryStatus{})).size(), 1U);
}

TEST(Session, AfterTheEndAPostFileBeginsANewUpload) {
  Driver driver(true);
  driver.approve();
  driver.chunk(0, 5, true);
  driver.did(driver.session.on_failed({wire::Code::refused, "the checksum differs"}));
  EXPECT_EQ(wanted<Ask>(driver.say(driver.post())).size(), 1U);
  driver.did(driver.session.on_opened(ipc::Opened{2, driver.key, 0, 0, 10}, driver.now));
  EXPECT_EQ(wanted<Take>(driver.chunk(0, 7)).size(), 1U);
  EXPECT_EQ(driver.session.upload(), driver.key);
}

TEST(Session, AnUnknownUploadIsLookedUpAndItsAnswerKept) {
  Driver driver(true);
  const auto lookup = wanted<Find>(driver.chunk(7, 7));
  ASSERT_EQ(lookup.size(), 1U);
  EXPECT_EQ(lookup[0].find.user, "lab1");
  EXPECT_EQ(lookup[0].find.routing_id, "routing");
  EXPECT_TRUE(driver.say(wire::QueryStatus{}).empty()) << "asked once";
  EXPECT_EQ(code_of(driver.did(driver.session.on_refused({wire::Code::unknown, "no upload"}))), 404U);
  driver.pass(limits::kRepeatPause);
  EXPECT_EQ(code_of(driver.say(wire::QueryStatus{})), 404U);
}

TEST(Session, AnOriginalsSilenceEndsItWith408) {
  Driver driver(false);
  driver.approve();
  driver.pass(Driver::terms().idle_timeout - 1s);
  EXPECT_TRUE(driver.session.on_tick(driver.now).empty());
  driver.pass(1s);
  const auto ended = driver.did(driver.session.on_tick(driver.now));
  EXPECT_EQ(code_of(ended), 408U);
  EXPECT_EQ(wanted<Abort>(ended).at(0).why.code, wire::Code::timeout);
}

TEST(Session, WithoutMemoryAChunkIsDroppedAndAskedForAgain) {
  Driver driver(true, 1024 * 1024);
  ipc::Restore restore;
  restore.upload = driver.upload;
  restore.session = ipc::Open{0, "lab1", "routing", "a.txt", "{}", driver.post().options, 1024 * 1024, 64};
  driver.session.on_restored(restore, 0, driver.now);
  EXPECT_EQ(wanted<Take>(driver.chunk(0, 1000)).size(), 1U);
  const auto dropped = driver.chunk(1000, 1000);
  EXPECT_TRUE(wanted<Take>(dropped).empty());
  ASSERT_EQ(sent<wire::StatusReport>(dropped).size(), 1U);
  EXPECT_EQ(sent<wire::StatusReport>(dropped)[0].seek, 1000U);
  EXPECT_TRUE(driver.chunk(2000, 1000).empty()) << "one report";
  driver.session.on_written(1000);
  EXPECT_EQ(wanted<Take>(driver.chunk(1000, 1000)).size(), 1U);
}

TEST(Session, ASilentCommitterIs503AndItsLateAnswerIsNotWanted) {
  Driver driver(true);
  driver.say(driver.post());
  driver.pass(limits::kCommitterSilence);
  const auto ended = driver.did(driver.session.on_tick(driver.now));
  EXPECT_EQ(code_of(ended), 503U);
  EXPECT_EQ(wanted<Withdraw>(ended).size(), 1U);
  EXPECT_TRUE(driver.session.on_opened(ipc::Opened{1, driver.upload, 0, 0, 10}, driver.now).empty());
}

TEST(Session, NothingIsSaidWhileAnotherUserSpokeLast) {
  Driver driver(true);
  driver.say(driver.post());
  EXPECT_FALSE(driver.session.heard("thief"));
  EXPECT_FALSE(driver.session.owner_listens());
  driver.did(driver.session.on_opened(ipc::Opened{1, driver.upload, 0, 0, 10}, driver.now));
  EXPECT_EQ(driver.book.used(), 0U) << "credit that was not sent does not count";
  EXPECT_TRUE(driver.session.heard("lab1"));
  driver.say(wire::QueryStatus{});
  const auto offer = driver.book.next_offer();
  ASSERT_TRUE(offer) << "who comes back gets its turn";
  EXPECT_EQ(sent<wire::TransferCredit>(driver.session.offer(offer->chunks)).at(0).amount, kFirst);
}

TEST(Session, AWriteErrorAbortsAndTellsTheClient) {
  Driver driver(true);
  driver.approve();
  driver.chunk(0, 5, true);
  const auto ended = driver.did(driver.session.on_broken({wire::Code::no_space, "the disk is full"}));
  EXPECT_EQ(code_of(ended), 507U);
  EXPECT_EQ(wanted<Abort>(ended).size(), 1U);
}

TEST(Session, ARestoredOriginalGoesOnAfterOneReport) {
  Driver driver(false);
  ipc::Restore restore;
  restore.upload = driver.upload;
  restore.session = ipc::Open{0, "lab1", "routing", "a.txt", "{}", {}, 256 * 1024, 100};
  constexpr std::uint64_t kChunk = 256 * 1024;
  driver.session.on_restored(restore, 10 * kChunk, driver.now);
  const auto report = driver.chunk(20 * kChunk, 100);
  ASSERT_EQ(sent<wire::StatusReport>(report).size(), 1U);
  EXPECT_EQ(sent<wire::StatusReport>(report)[0].seek, 10 * kChunk);
  EXPECT_EQ(sent<wire::StatusReport>(report)[0].credit, 84U);
  EXPECT_EQ(wanted<Take>(driver.chunk(10 * kChunk, kChunk)).size(), 1U);
}

TEST(Session, ARestoredUploadThatWasCompleteIsOnlyVerified) {
  Driver driver(true);
  ipc::Restore restore;
  restore.upload = driver.upload;
  restore.session = ipc::Open{0, "lab1", "routing", "a.txt", "{}", driver.post().options, 1024 * 1024, 64};
  restore.client_sha256 = digest::Digest{};
  const auto actions = driver.session.on_restored(restore, 77, driver.now);
  EXPECT_EQ(wanted<Complete>(actions).at(0).size, 77U);
  EXPECT_EQ(driver.session.state(), State::finishing);
}

TEST(Session, ACheckAnswersAndLeavesNoTrace) {
  Driver driver(true);
  auto post = driver.post();
  post.options->check = true;
  driver.say(post);
  const auto answer = driver.did(driver.session.on_opened(ipc::Opened{1, {}, 0, 0, 10}, driver.now));
  EXPECT_EQ(sent<wire::UploadApproved>(answer).at(0).credit, 0U);
  EXPECT_EQ(driver.session.state(), State::none);
  EXPECT_EQ(driver.book.size(), 0U);
}

}  // namespace
}  // namespace dync::receiver
