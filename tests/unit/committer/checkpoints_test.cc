#include <algorithm>
#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/ledger/events.h"
#include "tests/unit/committer/sessions_fixture.h"

// A checkpoint needs two words: the hasher's state, and that all up to it is synced.
namespace dync::committer {
namespace {

constexpr digest::Midstate kFirst{128, {1, 2, 3, 4, 5, 6, 7, 8}};
constexpr digest::Midstate kSecond{256, {8, 7, 6, 5, 4, 3, 2, 1}};

class CheckpointsTest : public SessionsTest {
 protected:
  ipc::Id upload_;

  void SetUp() override {
    SessionsTest::SetUp();
    sample_.content = elsewhere_.content = std::string(300, 'x');
    const auto opened = hood_.open(sample_, 1);
    ASSERT_TRUE(opened);
    EXPECT_FALSE(opened->checkpoint);
    upload_ = opened->upload;
    hood_.write(upload_, sample_.content);
  }

  void say_synced(std::uint64_t offset, std::uint32_t epoch = 1) {
    hood_.receiver.say(ipc::Synced{upload_, epoch, offset});
  }
  void say_hashed(const digest::Midstate& state, std::uint32_t epoch = 1) {
    hood_.hasher.say(ipc::Checkpoint{upload_, epoch, state});
  }
  // All that the hasher has said was heard.
  void await_hasher() {
    hood_.hasher.say(ipc::Event{upload_, "barrier", "{}"});
    const auto heard = [&] {
      const auto events = events_of(upload_);
      return !events.empty() && events.back() == "barrier";
    };
    ASSERT_TRUE(await(heard));
  }
  void await_told(const digest::Midstate& state, std::uint32_t epoch = 1) {
    const auto told = hood_.hear<ipc::Checkpointed>();
    ASSERT_TRUE(told) << hood_.process.log();
    EXPECT_EQ(told->upload, upload_);
    EXPECT_EQ(told->epoch, epoch);
    EXPECT_EQ(told->state, state);
    EXPECT_EQ(recorded()->state, state);
  }
  void expect_told(const digest::Midstate& state, std::uint32_t epoch = 1) {
    await_told(state, epoch);
    EXPECT_EQ(whole_row(upload_).session.durable_bytes, state.length);
  }
  std::optional<ledger::Checkpoint> recorded() { return hood_.process.reader().checkpoint(upload_); }
};

TEST_F(CheckpointsTest, BothInEitherOrderAndTheNewestReplacesTheOther) {
  say_synced(128);
  await_heard();
  EXPECT_FALSE(recorded());
  say_hashed(kFirst);
  expect_told(kFirst);
  say_hashed(kSecond);
  await_hasher();
  EXPECT_EQ(recorded()->state, kFirst);
  say_synced(256);
  expect_told(kSecond);
}

TEST_F(CheckpointsTest, AnotherOffsetOrEpochDoesNotMatch) {
  say_synced(128, 1);
  say_hashed(kSecond, 1);
  await_hasher();
  await_heard();
  EXPECT_FALSE(recorded());
  say_hashed(kFirst, 2);
  await_hasher();
  await_heard();
  EXPECT_FALSE(recorded());
  say_synced(128, 1);
  await_heard();
  EXPECT_FALSE(recorded());
  say_hashed(kFirst, 1);  // older than what the hasher has said
  await_hasher();
  EXPECT_FALSE(recorded());
  say_synced(128, 2);
  expect_told(kFirst, 2);
}

TEST_F(CheckpointsTest, ANewCommitterHearsBothAgainAndAnswersWhatIsRecorded) {
  say_synced(128);
  await_heard();
  restart();
  say_hashed(kFirst);
  await_hasher();
  EXPECT_FALSE(recorded()) << "the other word is gone";
  say_synced(128);
  expect_told(kFirst);
  restart();
  say_synced(128);
  expect_told(kFirst);
}

TEST_F(CheckpointsTest, AParkSyncsAllAndAResumeCarriesIt) {
  say_hashed(kFirst);
  await_hasher();
  say_parked(upload_, 200);
  await_told(kFirst);
  EXPECT_EQ(whole_row(upload_).session.durable_bytes, 200U);
  ask(elsewhere_, 2);
  const auto resumed = opened(2);
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->seek, 200U);
  EXPECT_EQ(resumed->checkpoint, kFirst);
  say_synced(256, 1);
  say_hashed(kSecond, 1);
  await_hasher();
  await_heard();
  EXPECT_EQ(recorded()->state, kFirst) << "of the epoch before the resume";
}

TEST_F(CheckpointsTest, ANewReceiverHearsIt) {
  say_synced(128);
  say_hashed(kFirst, 1);
  expect_told(kFirst);
  hood_.receiver.say(ipc::Hello{});
  const auto restore = hood_.hear<ipc::Restore>();
  ASSERT_TRUE(restore);
  EXPECT_EQ(restore->seek, 128U);
  EXPECT_EQ(restore->checkpoint, kFirst);
  EXPECT_GE(restore->epoch, 1U);
}

TEST_F(CheckpointsTest, ReceivedAllIsSyncedAndVerifiedItIsNotNeeded) {
  hood_.say_received(upload_, sample_);
  await_heard();
  say_hashed(kFirst);
  await_told(kFirst);
  hood_.say_verdict(upload_, sample_);
  ASSERT_TRUE(hood_.hear<ipc::Committed>());
  EXPECT_FALSE(recorded());
}

// The client's question must wait for the Park that is on its way, whatever the numbers are.
TEST_F(CheckpointsTest, AnUploadWithACheckpointOfItsOwnWasTouched) {
  say_synced(128);
  say_hashed(kFirst);
  expect_told(kFirst);
  ask(elsewhere_, 2);
  await_heard();
  say_parked(upload_, 256);
  const auto resumed = opened(2);
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->seek, 256U);
}

TEST_F(CheckpointsTest, AfterAnotherBootOnlyWhatIsSyncedCounts) {
  say_synced(128);
  say_hashed(kFirst);
  expect_told(kFirst);
  hood_.receiver.say(ipc::Progress{upload_, 300});
  await_heard();
  ::setenv("DYNC_TEST_BOOT_ID", "another", 1);
  restart();
  hood_.receiver.say(ipc::Hello{});
  const auto restore = hood_.hear<ipc::Restore>();
  ::unsetenv("DYNC_TEST_BOOT_ID");
  ASSERT_TRUE(restore);
  EXPECT_EQ(restore->seek, 128U);
  EXPECT_EQ(restore->checkpoint, kFirst);
  EXPECT_EQ(row(upload_).bytes_received, 128U);
  EXPECT_EQ(events_of(upload_).back(), ledger::events::kCut);
}

TEST_F(CheckpointsTest, BytesThatAreGoneTakeItAlong) {
  say_synced(128);
  say_hashed(kFirst);
  expect_told(kFirst);
  hood_.process.kill();
  hood_.write(upload_, std::string(100, 'x'));
  hood_.process.start();
  hood_.receiver.say(ipc::Hello{});
  const auto restore = hood_.hear<ipc::Restore>();
  ASSERT_TRUE(restore);
  EXPECT_EQ(restore->seek, 0U);
  EXPECT_FALSE(restore->checkpoint);
  EXPECT_FALSE(recorded());
}

}  // namespace
}  // namespace dync::committer
