#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/names/names.h"
#include "tests/unit/committer/sessions_fixture.h"

// Post-files that wait until another upload has made room for them.
namespace dync::committer {
namespace {

using ledger::State;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TakeoverTest : public SessionsTest {
 protected:
  // The same client's file, posted as a new upload in place of the one of sample_.
  ipc::Open replacing(std::uint64_t request, const std::optional<ipc::Id>& after) const {
    ipc::Open message = elsewhere_.open(request);
    message.options->key = key(2);
    message.options->replaces = sample_.key;
    message.after = after;
    return message;
  }
  void say_abort(const ipc::Id& upload) {
    hood_.receiver.say(ipc::Abort{upload, wire::Code::conflict, "taken over"});
  }
  ipc::Id open(const Sample& sample, std::uint64_t request) {
    const auto opened = hood_.open(sample, request);
    if (!opened) throw std::runtime_error("not opened");
    hood_.write(opened->upload, "the ");
    hood_.receiver.say(ipc::Progress{opened->upload, 4});
    return opened->upload;
  }
};

TEST_F(TakeoverTest, ItWaitsForThePark) {
  const ipc::Id upload = open(sample_, 1);
  ask(elsewhere_, 2, upload);
  await_heard();
  say_parked(upload, 4);
  const auto resumed = opened(2);
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->upload, upload);
  EXPECT_EQ(resumed->seek, 4U);
  finish(upload, elsewhere_, resumed->epoch + 1);
}

TEST_F(TakeoverTest, AfterTheParkItIsJudgedAtOnce) {
  const ipc::Id upload = open(sample_, 1);
  say_parked(upload, 4);
  ask(elsewhere_, 2, upload);
  EXPECT_EQ(opened(2)->upload, upload);
}

TEST_F(TakeoverTest, ForAnUploadThatNobodyKnowsItIsJudgedAtOnce) {
  ask(sample_, 1, key(9));
  EXPECT_TRUE(opened(1));
}

TEST_F(TakeoverTest, ItWaitsForTheAbort) {
  const ipc::Id old = open(sample_, 1);
  hood_.receiver.say(replacing(2, old));
  await_heard();
  say_abort(old);
  const auto fresh = opened(2);
  ASSERT_TRUE(fresh);
  EXPECT_NE(fresh->upload, old);
  EXPECT_EQ(row(old).state, State::aborted);
}

TEST_F(TakeoverTest, AfterTheAbortItIsJudgedAtOnce) {
  const ipc::Id old = open(sample_, 1);
  say_abort(old);
  hood_.receiver.say(replacing(2, old));
  EXPECT_NE(opened(2)->upload, old);
}

TEST_F(TakeoverTest, WhatIsParkedMeanwhileIsReplacedAllTheSame) {
  const ipc::Id old = open(sample_, 1);
  hood_.receiver.say(replacing(2, old));
  say_parked(old, 4);
  say_abort(old);
  EXPECT_NE(opened(2)->upload, old);
  EXPECT_EQ(row(old).state, State::aborted);
}

TEST_F(TakeoverTest, AnOriginalsNameIsTakenOverInTheSameWay) {
  sample_.key.reset();
  elsewhere_.key.reset();
  const ipc::Id old = open(sample_, 1);
  ask(elsewhere_, 2, old);
  await_heard();
  say_abort(old);
  const auto fresh = opened(2);
  ASSERT_TRUE(fresh);
  EXPECT_NE(fresh->upload, old);
}

TEST_F(TakeoverTest, ACompleteUploadIsAnsweredAtItsEnd) {
  for (const bool first : {true, false}) {
    Sample sample = sample_;
    sample.key = key(first ? 1 : 2);
    sample.filename = first ? "1.raw" : "2.raw";
    const ipc::Id upload = open(sample, 1);
    hood_.write(upload, sample.content);
    if (first) ask(sample, 2, upload);
    hood_.say_received(upload, sample);
    if (!first) ask(sample, 2, upload);
    await_heard();
    hood_.say_verdict(upload, sample);
    const auto finished = hood_.hear<ipc::Finished>();
    ASSERT_TRUE(finished);
    EXPECT_EQ(finished->request, 2U);
    EXPECT_EQ(finished->receipt.upload_id, upload);
  }
}

TEST_F(TakeoverTest, TheNewestThatWaitsWins) {
  const ipc::Id upload = open(sample_, 1);
  Sample third = elsewhere_;
  third.routing_id = "connection 3";
  ask(elsewhere_, 2, upload);
  ask(third, 3, upload);
  EXPECT_THAT(refused(2).sentence, HasSubstr("taken over by another connection of the same client"));
  ask(elsewhere_, 2, upload);
  EXPECT_EQ(refused(2).code, wire::Code::conflict) << "also where the older one is heard last";
  say_parked(upload, 4);
  EXPECT_EQ(opened(3)->upload, upload);
  EXPECT_EQ(whole_row(upload).session.routing_id, third.routing_id);
  const auto reader = hood_.process.reader();
  for (const auto& event : reader.last_events(100)) EXPECT_NE(event.event, "refused");
}

TEST_F(TakeoverTest, ASecondQuestionWaitsForTheSameUploadThoughItDoesNotSaySo) {
  const ipc::Id upload = open(sample_, 1);
  ask(elsewhere_, 2, upload);
  ask(elsewhere_, 3);
  EXPECT_EQ(refused(2).code, wire::Code::conflict);
  await_heard();
  say_parked(upload, 4);
  EXPECT_EQ(opened(3)->upload, upload);
}

// The receiver asks only when it has no session for the upload, so the end of that one is on its way.
TEST_F(TakeoverTest, WhatHasBegunIsWaitedForThoughNobodySaysSo) {
  const ipc::Id upload = open(sample_, 1);
  for (std::uint64_t request = 2; request < 6; request += 2) {
    Sample& next = request == 2 ? elsewhere_ : sample_;
    ask(next, request);
    await_heard();
    say_parked(upload, request * 2, static_cast<std::uint32_t>(request));
    const auto resumed = opened(request);
    ASSERT_TRUE(resumed);
    EXPECT_EQ(resumed->seek, request * 2);
    hood_.receiver.say(ipc::Progress{upload, request * 2 + 1});
  }
}

// The first one's answer had no taker, so nobody will park what it opened.
TEST_F(TakeoverTest, WhatWasResumedForNobodyGoesToTheNextWhoAsks) {
  const ipc::Id upload = park(sample_, 1);
  ask(elsewhere_, 2);
  ask(sample_, 3);
  EXPECT_EQ(opened(2)->upload, upload);
  const auto last = opened(3);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->upload, upload);
  EXPECT_EQ(last->seek, 4U);
  EXPECT_EQ(whole_row(upload).session.routing_id, sample_.routing_id);
}

TEST_F(TakeoverTest, SeveralUploadsMayWaitForOne) {
  const ipc::Id upload = open(sample_, 1);
  Sample others[] = {elsewhere_, elsewhere_};
  for (unsigned char i = 0; i < 2; ++i) {
    others[i].key = key(static_cast<unsigned char>(2 + i));
    others[i].filename = std::to_string(i) + ".raw";
    ask(others[i], 2U + i, upload);
  }
  await_heard();
  say_abort(upload);
  const std::set<std::uint64_t> answered{hood_.hear<ipc::Opened>()->request,
                                         hood_.hear<ipc::Opened>()->request};
  EXPECT_EQ(answered, (std::set<std::uint64_t>{2, 3}));
}

TEST_F(TakeoverTest, ANewReceiverHasForgottenItsQuestions) {
  const ipc::Id upload = open(sample_, 1);
  ask(elsewhere_, 2, upload);
  hood_.receiver.say(ipc::Hello{});
  ASSERT_TRUE(hood_.hear<ipc::Restored>());
  say_parked(upload, 4);
  await_heard();
  EXPECT_TRUE(waits(upload));
}

TEST_F(TakeoverTest, ANewCommitterHearsItAgainInAnyOrder) {
  for (const bool park_first : {true, false}) {
    Sample sample = sample_;
    sample.key = key(park_first ? 1 : 2);
    sample.filename = park_first ? "1.raw" : "2.raw";
    const ipc::Id upload = open(sample, 1);
    await_heard();
    sample.routing_id = "connection 2";
    restart();
    if (park_first) say_parked(upload, 4);
    ask(sample, 2, upload);
    if (!park_first) say_parked(upload, 4);
    const auto resumed = opened(2);
    ASSERT_TRUE(resumed);
    EXPECT_EQ(resumed->seek, 4U);
    // It was resumed, the answer got lost, and all is said once more.
    restart();
    if (park_first) say_parked(upload, 4);
    ask(sample, 2, upload);
    if (!park_first) say_parked(upload, 4);
    const auto again = opened(2);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->upload, upload);
    EXPECT_EQ(again->seek, 4U);
    EXPECT_FALSE(waits(upload));
    EXPECT_THAT(events_of(upload), ElementsAre("opened", "parked", "resumed"));
    finish(upload, sample, again->epoch + 1);
  }
}

TEST_F(TakeoverTest, OnTheSameConnectionToo) {
  const ipc::Id upload = open(sample_, 1);
  ask(sample_, 2, upload);
  await_heard();
  say_parked(upload, 4);
  EXPECT_EQ(opened(2)->upload, upload) << "not before what it has is known";
}

TEST_F(TakeoverTest, AReplacedOnesAbortIsHeardAgainInAnyOrder) {
  for (const bool abort_first : {true, false}) {
    sample_.key = key(abort_first ? 1 : 3);
    sample_.filename = elsewhere_.filename = abort_first ? "1.raw" : "2.raw";
    const ipc::Id old = open(sample_, 1);
    await_heard();
    ipc::Open message = replacing(2, old);
    message.options->key = key(abort_first ? 2 : 4);
    for (int lives = 0; lives < 2; ++lives) {
      restart();
      if (abort_first) say_abort(old);
      hood_.receiver.say(message);
      if (!abort_first) say_abort(old);
      const auto fresh = opened(2);
      ASSERT_TRUE(fresh);
      EXPECT_NE(fresh->upload, old);
    }
    EXPECT_EQ(row(old).state, State::aborted);
    EXPECT_EQ(hood_.process.reader().uploads({.state = State::receiving}).size(), abort_first ? 1U : 2U);
  }
}

}  // namespace
}  // namespace dync::committer
