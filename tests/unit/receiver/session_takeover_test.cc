#include <gtest/gtest.h>

#include "receiver/session.h"
#include "schema/limits/limits.h"
#include "tests/unit/receiver/driver.h"

// How a session ends while its upload goes on: silence, a connection that is gone, another connection.
namespace dync::receiver {
namespace {

using namespace std::chrono_literals;

TEST(SessionTakeover, AClientOfOursThatIsSilentIsParkedAndToldHowToGoOn) {
  Driver driver(true);
  driver.approve();
  driver.chunk(0, 1000);
  driver.pass(limits::kOurSilence - 1s);
  EXPECT_TRUE(driver.session.on_tick(driver.now).empty());
  driver.pass(1s);
  const auto ended = driver.did(driver.session.on_tick(driver.now));
  ASSERT_EQ(wanted<Park>(ended).size(), 1U);
  EXPECT_EQ(wanted<Park>(ended)[0].upload, driver.upload);
  EXPECT_TRUE(wanted<Abort>(ended).empty());
  EXPECT_EQ(code_of(ended), 404U) << "our client then posts the file again with its key";
  EXPECT_EQ(driver.book.size(), 0U) << "its credit is free";
  EXPECT_EQ(wanted<Ask>(driver.say(driver.post())).size(), 1U);
}

TEST(SessionTakeover, AConnectionThatIsGoneParksInSecondsUnlessItSpeaks) {
  Driver driver(true);
  driver.approve();
  driver.session.connection_gone(driver.now);
  driver.pass(limits::kOurGone - 1s);
  EXPECT_TRUE(driver.session.on_tick(driver.now).empty());
  driver.chunk(0, 10);
  driver.pass(2s);
  EXPECT_TRUE(driver.session.on_tick(driver.now).empty()) << "it came back";
  driver.session.connection_gone(driver.now);
  driver.pass(limits::kOurGone);
  EXPECT_EQ(wanted<Park>(driver.session.on_tick(driver.now)).size(), 1U);
}

TEST(SessionTakeover, AnOriginalIsTakenOverOnlyAfterItsTime) {
  Driver driver(false);
  driver.approve();
  const auto credit = driver.book.limit(*driver.session.member());
  driver.pass(limits::kOriginalSilence);
  EXPECT_FALSE(driver.session.may_be_taken_over(driver.now)) << "it holds credit: its source may pause";
  driver.pass(limits::kOriginalSilenceWithCredit - limits::kOriginalSilence);
  EXPECT_TRUE(driver.session.may_be_taken_over(driver.now));
  for (std::uint64_t i = 0; i < credit; ++i) driver.chunk(i * 1000, 1000);
  EXPECT_FALSE(driver.session.may_be_taken_over(driver.now));
  driver.pass(limits::kOriginalSilence);
  EXPECT_TRUE(driver.session.may_be_taken_over(driver.now));
}

TEST(SessionTakeover, AnOriginalWhoseConnectionIsGoneIsTakenOverSooner) {
  Driver driver(false);
  driver.approve();
  driver.session.connection_gone(driver.now);
  driver.pass(limits::kOriginalGone - 1s);
  EXPECT_FALSE(driver.session.may_be_taken_over(driver.now));
  driver.pass(1s);
  EXPECT_TRUE(driver.session.may_be_taken_over(driver.now));
}

TEST(SessionTakeover, WhoGivesWayIsToldAndItsUploadIsParkedOrAborted) {
  const wire::Refusal why{wire::Code::conflict, "taken over"};
  for (const bool park : {true, false}) {
    Driver driver(true);
    driver.approve();
    const auto ended = driver.did(driver.session.give_way(why, park));
    EXPECT_EQ(code_of(ended), 409U);
    EXPECT_EQ(wanted<Park>(ended).size(), park ? 1U : 0U);
    EXPECT_EQ(wanted<Abort>(ended).size(), park ? 0U : 1U);
    EXPECT_EQ(driver.book.size(), 0U);
    driver.pass(limits::kRepeatPause);
    EXPECT_EQ(code_of(driver.chunk(0, 10)), 409U);
  }
}

TEST(SessionTakeover, WhoIsStillAskingGivesWayByWithdrawing) {
  Driver driver(true);
  driver.say(driver.post());
  const auto ended = driver.did(driver.session.give_way({wire::Code::conflict, "taken over"}, true));
  EXPECT_EQ(wanted<Withdraw>(ended).size(), 1U);
  EXPECT_TRUE(wanted<Park>(ended).empty());
  EXPECT_EQ(code_of(ended), 409U);
}

TEST(SessionTakeover, AnotherConnectionTakesThePlaceOfACompleteUpload) {
  Driver first(true), second(true);
  first.approve();
  first.chunk(0, 5, true);
  second.say(second.post());
  const auto approved = second.did(second.session.take_place_of(first.session));
  ASSERT_EQ(sent<wire::UploadApproved>(approved).size(), 1U);
  EXPECT_EQ(sent<wire::UploadApproved>(approved)[0].options->seek, 5U) << "all is there";
  const auto ended = first.did(first.session.give_way({wire::Code::conflict, "taken over"}, true));
  EXPECT_EQ(code_of(ended), 409U);
  EXPECT_EQ(ended.size(), 1U) << "the upload goes on";
  EXPECT_TRUE(second.chunk(5, 0, true).empty()) << "the last chunk again changes nothing";
  EXPECT_EQ(sent<wire::UploadFinished>(second.session.on_receipt(receipt_for(second))).size(), 1U);
}

}  // namespace
}  // namespace dync::receiver
