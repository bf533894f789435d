#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

#include "proto/posix/process.h"
#include "tests/unit/transport/await.h"

namespace dync::transport {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

class PollTest : public testing::Test {
 protected:
  Context context_;
  Socket one_{context_, Type::pair, {}};
  Socket two_{context_, Type::pair, {}};
  std::pair<posix::Fd, posix::Fd> pipe_ = posix::make_pipe();
  std::array<PollItem, 2> items_{};

  void SetUp() override {
    one_.bind("inproc://poll");
    two_.connect("inproc://poll");
    items_[0].socket = one_.handle();
    items_[1].fd = pipe_.first.get();
  }
};

TEST_F(PollTest, SaysWhatIsReadable) {
  poll(items_, milliseconds(0));
  EXPECT_FALSE(items_[0].readable);
  EXPECT_FALSE(items_[1].readable);
  posix::write_all(pipe_.second.get(), "x");
  poll(items_, kDeadline);
  EXPECT_FALSE(items_[0].readable);
  EXPECT_TRUE(items_[1].readable);
  send(two_, {"x"});
  poll(items_, kDeadline);
  EXPECT_TRUE(items_[0].readable);
  await(one_);
  poll(items_, milliseconds(0));
  EXPECT_FALSE(items_[0].readable);
}

TEST_F(PollTest, AHangUpIsReadable) {
  pipe_.second.reset();
  poll(items_, kDeadline);
  EXPECT_TRUE(items_[1].readable);
}

TEST_F(PollTest, WaitsItsTimeAndNoLonger) {
  const auto begin = Clock::now();
  poll(items_, milliseconds(50));
  EXPECT_GE(Clock::now() - begin, milliseconds(50));
  EXPECT_LT(Clock::now() - begin, kDeadline);
}

TEST_F(PollTest, WakesForAnotherThread) {
  const auto event = posix::make_event();
  items_[1].fd = event.get();
  std::jthread other([&] { posix::raise_event(event.get()); });
  poll(items_, milliseconds(-1));
  EXPECT_TRUE(items_[1].readable);
}

}  // namespace
}  // namespace dync::transport
