#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/ledger/events.h"
#include "schema/names/names.h"
#include "tests/unit/committer/sessions_fixture.h"

// Uploads that lose their client and get it back.
namespace dync::committer {
namespace {

using ledger::State;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ParkTest : public SessionsTest {};

TEST_F(ParkTest, APartialWaitsAndGoesOnWhereItWas) {
  const ipc::Id upload = park(sample_, 1);
  EXPECT_EQ(row(upload).state, State::receiving);
  EXPECT_EQ(row(upload).bytes_received, 4U);
  EXPECT_TRUE(waits(upload));
  EXPECT_FALSE(whole_row(upload).session.reserves);
  elsewhere_.filename = "renamed.raw";
  elsewhere_.metadata = R"({"new":true})";
  ask(elsewhere_, 2);
  const auto resumed = opened(2);
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->upload, upload);
  EXPECT_EQ(resumed->seek, 4U);
  EXPECT_GE(resumed->epoch, 1U);
  EXPECT_FALSE(waits(upload));
  EXPECT_EQ(whole_row(upload).session.routing_id, elsewhere_.routing_id);
  EXPECT_EQ(row(upload).filename, "renamed.raw");
  EXPECT_EQ(content_of(names::staging_dir(hood_.process.tmp(), upload) / names::kStagedData), "the ");
  finish(upload, elsewhere_, resumed->epoch + 1);
  EXPECT_EQ(content_of(hood_.process.dropbox() / "renamed.raw" / "renamed.raw.metadata.json"),
            elsewhere_.metadata);
  EXPECT_THAT(events_of(upload),
              ElementsAre("opened", "parked", "resumed", "received", "verified", "committing", "committed"));
}

TEST_F(ParkTest, WhyAndHowFarIsInTheEvents) {
  const ipc::Id upload = park(sample_, 1);
  const auto event = hood_.process.reader().last_events(1).at(0);
  EXPECT_EQ(event.upload_id, upload);
  EXPECT_EQ(event.event, ledger::events::kParked);
  EXPECT_THAT(event.detail, HasSubstr("\"bytes\":4"));
  EXPECT_THAT(event.detail, HasSubstr("silent for 60 s"));
}

TEST_F(ParkTest, ItOutlivesTheCommitter) {
  const ipc::Id upload = park(sample_, 1);
  restart();
  ask(elsewhere_, 2);
  const auto resumed = opened(2);
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->upload, upload);
  EXPECT_EQ(resumed->seek, 4U);
}

TEST_F(ParkTest, ARefusedResumeLeavesItAsItWas) {
  const ipc::Id upload = park(sample_, 1);
  Sample wrong = elsewhere_;
  wrong.filename = ".hidden";
  ask(wrong, 2);
  EXPECT_EQ(refused(2).code, wire::Code::malformed);
  wrong = elsewhere_;
  wrong.content += " and more";
  ask(wrong, 3);
  EXPECT_THAT(refused(3).sentence, HasSubstr("has changed"));
  EXPECT_TRUE(waits(upload));
  EXPECT_EQ(row(upload).filename, sample_.filename);
  EXPECT_EQ(content_of(names::staging_dir(hood_.process.tmp(), upload) / names::kStagedData), "the ");
  ask(elsewhere_, 4);
  EXPECT_EQ(opened(4)->seek, 4U);
}

TEST_F(ParkTest, ACheckChangesNothing) {
  const ipc::Id upload = park(sample_, 1);
  const auto events = hood_.process.reader().last_events(100).size();
  ipc::Open check = elsewhere_.open(2);
  check.options->check = true;
  check.options->replaces = sample_.key;
  hood_.receiver.say(check);
  const auto answer = opened(2);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->upload.empty());
  check.options->key = key(2);
  check.request = 3;
  hood_.receiver.say(check);
  EXPECT_TRUE(opened(3));
  EXPECT_TRUE(waits(upload));
  EXPECT_EQ(whole_row(upload).session.routing_id, sample_.routing_id);
  EXPECT_EQ(hood_.process.reader().last_events(100).size(), events);
}

TEST_F(ParkTest, ARepeatedOrOldOneChangesNothing) {
  const ipc::Id upload = park(sample_, 1);
  say_parked(upload, 2);
  await_heard();
  EXPECT_EQ(row(upload).bytes_received, 4U);
  ask(elsewhere_, 2);
  const auto resumed = opened(2);
  ASSERT_TRUE(resumed);
  say_parked(upload, 4, 1);
  await_heard();
  EXPECT_FALSE(waits(upload)) << "it ended the session before this one";
  say_parked(upload, 6, resumed->epoch + 1);
  await_heard();
  EXPECT_TRUE(waits(upload));
  EXPECT_THAT(events_of(upload), ElementsAre("opened", "parked", "resumed", "parked"));
}

TEST_F(ParkTest, ASessionThatNeverBeganCanBeParkedToo) {
  const ipc::Id upload = park(sample_, 1);
  ask(elsewhere_, 2);
  const auto resumed = opened(2);
  ASSERT_TRUE(resumed);
  say_parked(upload, resumed->seek, resumed->epoch);
  await_heard();
  EXPECT_TRUE(waits(upload));
}

TEST_F(ParkTest, OnlyWhatIsReceivingCanBeParked) {
  const auto opened_ = hood_.open(sample_, 1);
  ASSERT_TRUE(opened_);
  hood_.say_received(opened_->upload, sample_);
  say_parked(opened_->upload, 4);
  say_parked(key(9), 4);
  await_heard();
  EXPECT_EQ(row(opened_->upload).state, State::received);
  EXPECT_FALSE(waits(opened_->upload));
  Sample original;
  original.filename = "original.raw";
  original.routing_id = "connection 3";
  const auto other = hood_.open(original, 2);
  ASSERT_TRUE(other);
  say_parked(other->upload, 4);
  await_heard();
  EXPECT_FALSE(waits(other->upload)) << "an original can't resume";
}

TEST_F(ParkTest, WhatIsParkedCannotBeReceived) {
  const ipc::Id upload = park(sample_, 1);
  hood_.receiver.say(ipc::Progress{upload, 7});
  hood_.say_received(upload, sample_);
  const auto failed = hood_.hear<ipc::Failed>();
  ASSERT_TRUE(failed) << "nobody waits for ever";
  EXPECT_EQ(failed->refusal.code, wire::Code::unknown);
  EXPECT_TRUE(waits(upload));
  EXPECT_EQ(row(upload).bytes_received, 4U);
}

TEST_F(ParkTest, ANewReceiverHearsOnlyOfThoseThatHaveASession) {
  park(sample_, 1);
  Sample other = sample_;
  other.key = key(2);
  other.filename = "other.raw";
  const ipc::Id resumed = park(other, 2);
  ask(other, 3);
  ASSERT_TRUE(opened(3));
  hood_.receiver.say(ipc::Hello{});
  const auto first = hear_any();
  ASSERT_TRUE(first && std::holds_alternative<ipc::Restore>(*first));
  const auto& restore = std::get<ipc::Restore>(*first);
  EXPECT_EQ(restore.upload, resumed);
  EXPECT_EQ(restore.seek, 4U);
  const auto second = hear_any();
  ASSERT_TRUE(second);
  EXPECT_TRUE(std::holds_alternative<ipc::Restored>(*second));
}

TEST_F(ParkTest, WhoAsksWithoutTheKeyHearsThatTheSessionHasEnded) {
  const auto opened_ = hood_.open(sample_, 1);
  ASSERT_TRUE(opened_);
  hood_.receiver.say(ipc::Find{2, sample_.user, sample_.routing_id});
  say_parked(opened_->upload, 0);
  const auto early = refused(2);
  hood_.receiver.say(ipc::Find{3, sample_.user, sample_.routing_id});
  const auto late = refused(3);
  for (const auto& answer : {early, late}) {
    EXPECT_EQ(answer.code, wire::Code::unknown);
    EXPECT_EQ(answer.sentence, "the session has ended; post the file again with its key to go on");
  }
}

TEST_F(ParkTest, SeveralPartialsMayWaitForOneName) {
  park(sample_, 1);
  Sample second = elsewhere_;
  second.key = key(2);
  park(second, 2);
  Sample third = second;
  third.key = key(3);
  third.routing_id = "connection 3";
  ASSERT_TRUE(hood_.open(third, 3)) << "the name is free";
  ask(sample_, 4);
  EXPECT_THAT(refused(4).sentence, HasSubstr("is being uploaded"));
  const auto row = hood_.process.reader().by_key(third.user, *third.key);
  finish(row->upload.upload_id, third, 1);
  ask(sample_, 5);
  const auto taken = refused(5);
  EXPECT_EQ(taken.code, wire::Code::conflict);
  EXPECT_THAT(taken.sentence, HasSubstr("exists already"));
  std::filesystem::remove_all(hood_.process.dropbox() / sample_.filename);
  std::filesystem::remove(hood_.process.dropbox() / names::marker(sample_.filename));
  ask(second, 6);
  EXPECT_EQ(opened(6)->seek, 4U) << "it still waited";
}

TEST_F(ParkTest, ANewUploadMayReplaceIt) {
  const ipc::Id old = park(sample_, 1);
  ipc::Open message = elsewhere_.open(2);
  message.options->key = key(2);
  message.options->replaces = sample_.key;
  hood_.receiver.say(message);
  const auto fresh = opened(2);
  ASSERT_TRUE(fresh);
  EXPECT_NE(fresh->upload, old);
  EXPECT_EQ(fresh->seek, 0U);
  EXPECT_EQ(row(old).state, State::aborted);
  EXPECT_THAT(row(old).error.value(), HasSubstr("replaced"));
  EXPECT_TRUE(await([&] { return in(hood_.process.tmp()) == std::set<std::string>{fresh->upload.hex()}; }));
  message.request = 3;
  hood_.receiver.say(message);
  EXPECT_EQ(opened(3)->upload, fresh->upload) << "said again";
}

TEST_F(ParkTest, AnotherUsersPartialIsNotReplaced) {
  const ipc::Id old = park(sample_, 1);
  ipc::Open message = elsewhere_.open(2);
  message.user = "user2";
  message.options->key = key(2);
  message.options->replaces = sample_.key;
  hood_.receiver.say(message);
  ASSERT_TRUE(opened(2));
  EXPECT_TRUE(waits(old));
}

TEST_F(ParkTest, AnEndedOnesKeyBeginsANewUpload) {
  const ipc::Id old = park(sample_, 1);
  hood_.receiver.say(ipc::Abort{old, wire::Code::conflict, "replaced"});
  ask(elsewhere_, 2);
  const auto fresh = opened(2);
  ASSERT_TRUE(fresh);
  EXPECT_NE(fresh->upload, old);
  EXPECT_EQ(fresh->seek, 0U);
}

TEST_F(ParkTest, TwoConnectionsThatAskAtOnceShareOneUpload) {
  ask(sample_, 1);
  ask(elsewhere_, 2);
  std::optional<ipc::Opened> last;
  do last = hood_.hear<ipc::Opened>();
  while (last && last->request != 2);
  ASSERT_TRUE(last);
  EXPECT_EQ(hood_.process.reader().uploads({}).size(), 1U);
  EXPECT_EQ(whole_row(last->upload).session.routing_id, elsewhere_.routing_id);
  ask(sample_, 1);
  EXPECT_THAT(refused(1).sentence, HasSubstr("taken over")) << "it asked first and is heard last";
}

TEST_F(ParkTest, BytesThatSomebodyTookAwayAreNotCountedOn) {
  const ipc::Id upload = park(sample_, 1);
  hood_.process.kill();
  std::filesystem::remove_all(names::staging_dir(hood_.process.tmp(), upload));
  hood_.process.start();
  ask(elsewhere_, 2);
  const auto resumed = opened(2);
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->upload, upload);
  EXPECT_EQ(resumed->seek, 0U);
  EXPECT_THAT(events_of(upload), ElementsAre("opened", "parked", "lost", "resumed"));
  finish(upload, elsewhere_, resumed->epoch + 1);
}

class ExpiryTest : public SessionsTest {
 protected:
  void SetUp() override {}
};

TEST_F(ExpiryTest, NobodyComesBackInTime) {
  hood_.process.set_limits("partial_ttl: 1");
  hood_.process.start();
  const ipc::Id upload = park(sample_, 1);
  ASSERT_TRUE(await([&] { return row(upload).state == State::expired; }));
  await_empty(hood_.process.tmp());
  EXPECT_THAT(events_of(upload), ElementsAre("opened", "parked", "expired"));
  EXPECT_THAT(row(upload).error.value(), HasSubstr("did not come back"));
  EXPECT_TRUE(row(upload).finished_at);
  ask(elsewhere_, 2);
  const auto fresh = opened(2);
  ASSERT_TRUE(fresh);
  EXPECT_NE(fresh->upload, upload);
  EXPECT_EQ(fresh->seek, 0U);
}

TEST_F(ExpiryTest, WhoCameBackDoesNotExpire) {
  hood_.process.set_limits("partial_ttl: 1");
  hood_.process.start();
  const ipc::Id back = park(sample_, 1);
  ask(elsewhere_, 2);
  ASSERT_TRUE(opened(2));
  Sample other = sample_;
  other.key = key(2);
  other.filename = "other.raw";
  const ipc::Id gone = park(other, 3);
  ASSERT_TRUE(await([&] { return row(gone).state == State::expired; }));
  EXPECT_EQ(row(back).state, State::receiving);
}

TEST_F(ExpiryTest, TheTimesOfSeveralCommittersAddUp) {
  hood_.process.set_limits("partial_ttl: 3");
  hood_.process.start();
  const ipc::Id upload = park(sample_, 1);
  // None of them lives for 3 s.
  for (int lives = 1; row(upload).state != State::expired; ++lives) {
    ASSERT_LT(lives, 10);
    const auto before = whole_row(upload).session.parked_seconds.value();
    ASSERT_TRUE(await([&] {
      const auto now = whole_row(upload).session.parked_seconds;
      return !now || *now > before;
    }));
    restart();
  }
}

TEST_F(ExpiryTest, ACleanStopNotesWhatWasWaited) {
  hood_.process.start();  // with the default of days, it looks once a minute
  const ipc::Id upload = park(sample_, 1);
  const auto since = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - since < std::chrono::milliseconds(1100)) await_heard();
  EXPECT_EQ(whole_row(upload).session.parked_seconds, 0U);
  hood_.process.stop();
  EXPECT_GE(whole_row(upload).session.parked_seconds.value(), 1U);
}

TEST_F(ExpiryTest, VerifiedDataThatWasKeptExpiresToo) {
  hood_.process.set_limits("partial_ttl: 3");
  hood_.process.start();
  const auto begun = hood_.open(sample_);
  ASSERT_TRUE(begun);
  const ipc::Id upload = begun->upload;
  std::filesystem::create_directory(hood_.process.dropbox() / sample_.filename);
  hood_.write(upload, sample_.content);
  hood_.say_received(upload, sample_);
  hood_.say_verdict(upload, sample_);
  ASSERT_TRUE(hood_.hear<ipc::Failed>());
  ASSERT_TRUE(whole_row(upload).session.kept);
  ASSERT_TRUE(await([&] { return whole_row(upload).session.parked_seconds.value_or(0) > 0; }));
  restart();
  EXPECT_GT(whole_row(upload).session.parked_seconds.value(), 0U);
  EXPECT_TRUE(std::filesystem::exists(names::staging_dir(hood_.process.tmp(), upload)));
  hood_.receiver.say(ipc::Find{2, sample_.user, sample_.routing_id});
  EXPECT_EQ(refused(2).code, wire::Code::conflict) << "it has ended, whatever waits";
  ASSERT_TRUE(await([&] { return !whole_row(upload).session.kept; }));
  await_empty(hood_.process.tmp());
  EXPECT_EQ(row(upload).state, State::failed);
  EXPECT_FALSE(waits(upload));
  EXPECT_EQ(events_of(upload).back(), "kept_expired");
}

TEST_F(ExpiryTest, AUsersOldestPartialMakesRoom) {
  hood_.process.set_limits("max_uploads_per_user: 2");
  hood_.process.start();
  std::vector<ipc::Id> uploads;
  for (unsigned char i = 1; i <= 3; ++i) {
    Sample sample = sample_;
    sample.key = key(i);
    sample.filename = std::to_string(i) + ".raw";
    uploads.push_back(park(sample, i));
  }
  Sample stranger = sample_;
  stranger.user = "user2";
  const ipc::Id others = park(stranger, 4);
  EXPECT_EQ(row(uploads[0]).state, State::expired);
  EXPECT_TRUE(waits(uploads[1]));
  EXPECT_TRUE(waits(uploads[2]));
  EXPECT_TRUE(waits(others));
  EXPECT_TRUE(
      await([&] { return !std::filesystem::exists(names::staging_dir(hood_.process.tmp(), uploads[0])); }));
}

}  // namespace
}  // namespace dync::committer
