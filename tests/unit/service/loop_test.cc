#include "proto/service/loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdexcept>
#include <vector>

#include "proto/posix/process.h"

namespace dync::service {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = Loop::Clock;
using testing::ElementsAre;

class LoopTest : public testing::Test {
 protected:
  Loop loop_;
  std::vector<int> seen_;
  // A test that waits for ever is a failed one.
  void SetUp() override {
    loop_.after(seconds(10), [this] {
      ADD_FAILURE() << "the deadline passed";
      loop_.stop();
    });
  }
};

TEST_F(LoopTest, TimersComeInOrderOfTime) {
  loop_.after(milliseconds(60), [&] { loop_.stop(); });
  loop_.after(milliseconds(30), [&] { seen_.push_back(2); });
  loop_.after(milliseconds(0), [&] { seen_.push_back(1); });
  loop_.after(milliseconds(31), [&] { seen_.push_back(3); });
  const auto begin = Clock::now();
  loop_.run();
  EXPECT_GE(Clock::now() - begin, milliseconds(60));
  EXPECT_THAT(seen_, ElementsAre(1, 2, 3));
}

TEST_F(LoopTest, ATimerRepeatsUntilItIsRemoved) {
  Loop::Id id = 0;
  id = loop_.every(milliseconds(5), [&] {
    seen_.push_back(1);
    if (seen_.size() == 3) loop_.remove(id);
  });
  loop_.after(milliseconds(100), [&] { loop_.stop(); });
  loop_.run();
  EXPECT_EQ(seen_.size(), 3U);
}

TEST_F(LoopTest, ARemovedTimerNeverRuns) {
  const auto id = loop_.after(milliseconds(10), [&] { seen_.push_back(1); });
  loop_.after(milliseconds(0), [&] { loop_.remove(id); });
  loop_.after(milliseconds(50), [&] { loop_.stop(); });
  loop_.run();
  EXPECT_TRUE(seen_.empty());
}

TEST_F(LoopTest, DueTimersMayRemoveEachOther) {
  Loop::Id second = 0;
  loop_.after(milliseconds(0), [&] {
    seen_.push_back(1);
    loop_.remove(second);
  });
  second = loop_.after(milliseconds(0), [&] { seen_.push_back(2); });
  loop_.after(milliseconds(20), [&] { loop_.stop(); });
  loop_.run();
  EXPECT_THAT(seen_, ElementsAre(1));
}

TEST_F(LoopTest, ATimerThatStartsItselfAgainHoldsUpNobody) {
  const auto event = posix::make_event();
  posix::raise_event(event.get());
  std::function<void()> again = [&] { loop_.after(milliseconds(0), again); };
  again();
  loop_.on_readable(event.get(), [&] { loop_.stop(); });
  loop_.run();
  EXPECT_TRUE(loop_.stopping());
}

TEST_F(LoopTest, ASourceIsCalledWhileSomethingIsLeft) {
  const auto event = posix::make_event();
  posix::raise_event(event.get());
  loop_.on_readable(event.get(), [&] {
    seen_.push_back(1);
    if (seen_.size() == 3) posix::clear_event(event.get());
  });
  loop_.after(milliseconds(50), [&] { loop_.stop(); });
  loop_.run();
  EXPECT_EQ(seen_.size(), 3U);
}

TEST_F(LoopTest, AHandlerMayRemoveItselfAndOthers) {
  const auto event = posix::make_event();
  posix::raise_event(event.get());
  Loop::Id first = 0;
  Loop::Id second = 0;
  const auto only_one = [&](int number) {
    seen_.push_back(number);
    loop_.remove(first);
    loop_.remove(second);
    loop_.after(milliseconds(20), [&] { loop_.stop(); });
  };
  first = loop_.on_readable(event.get(), [&] { only_one(1); });
  second = loop_.on_readable(event.get(), [&] { only_one(2); });
  loop_.run();
  EXPECT_THAT(seen_, ElementsAre(1));
}

TEST_F(LoopTest, AHandlerMayAddSources) {
  const auto event = posix::make_event();
  posix::raise_event(event.get());
  loop_.after(milliseconds(0), [&] { loop_.on_readable(event.get(), [&] { loop_.stop(); }); });
  loop_.run();
  EXPECT_TRUE(loop_.stopping());
}

TEST_F(LoopTest, SocketsAndTurns) {
  transport::Context context;
  transport::Socket one(context, transport::Type::pair, {});
  transport::Socket two(context, transport::Type::pair, {});
  one.bind("inproc://loop");
  two.connect("inproc://loop");
  for (int i = 0; i < 3; ++i) {
    transport::Message message;
    message.emplace_back(std::string_view("x"));
    two.send(message);
  }
  int turns = 0;
  const auto turn = loop_.each_turn([&] { ++turns; });
  loop_.on_socket(one.handle(), [&] {
    transport::Message message;
    ASSERT_TRUE(one.receive(message));
    seen_.push_back(turns);
    if (seen_.size() == 2) loop_.remove(turn);
    if (seen_.size() == 3) loop_.stop();
  });
  loop_.run();
  ASSERT_EQ(seen_.size(), 3U);
  EXPECT_LT(seen_[0], seen_[1]) << "a turn between two calls";
  EXPECT_EQ(turns, seen_[1]) << "none after it was removed";
}

TEST_F(LoopTest, AnExceptionEndsRun) {
  loop_.after(milliseconds(0), [] { throw std::runtime_error("bad disk"); });
  EXPECT_THROW(loop_.run(), std::runtime_error);
}

TEST_F(LoopTest, NothingRunsAfterStop) {
  loop_.after(milliseconds(0), [&] { loop_.stop(); });
  loop_.after(milliseconds(0), [&] { seen_.push_back(1); });
  loop_.each_turn([&] { seen_.push_back(2); });
  // The first turn may come before the timers are due.
  loop_.run();
  EXPECT_THAT(seen_, testing::Not(testing::Contains(1)));
}

}  // namespace
}  // namespace dync::service
