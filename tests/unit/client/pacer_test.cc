#include "client/pacer.h"

#include <algorithm>
#include <deque>
#include <gtest/gtest.h>
#include <vector>

#include "schema/limits/limits.h"

namespace dync::client::pacer_test {
namespace {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

constexpr std::uint32_t kMost = limits::kMiB;
constexpr double kSlowest = 16000;  // bytes a second: 128 kbit/s

// A link that carries `rate` bytes a second, keeps the order, and brings each answer `round_trip` later.
class Link {
 public:
  Link(Pacer& pacer, double rate, Seconds round_trip) : pacer_(pacer), rate_(rate), round_trip_(round_trip) {}

  void set_rate(double rate) { rate_ = rate; }

  // Uploads for so long; `credit` is how many chunks may be unanswered, at most.
  void run(Seconds time, std::size_t credit = 1000000) {
    const Time end = now_ + ticks(time);
    while (now_ < end) {
      while (!answers_.empty() && answers_.front().at <= now_) answer();
      hand_over(credit);
      Time next = pacer_.ask_at() > now_ ? pacer_.ask_at() : end;
      if (!answers_.empty()) next = std::min(next, answers_.front().at);
      if (credit_used() < credit && pacer_.room()) next = std::min(next, std::max(free_, now_ + 1ms));
      now_ = std::min(next, end);
    }
  }
  // The answers that come from now on come together, when that time is over.
  void hold_answers(Seconds time) {
    const Time until = now_ + ticks(time);
    held_until_ = until;
  }

  Time now() const { return now_; }
  std::uint64_t delivered() const { return delivered_; }
  const std::vector<std::uint32_t>& chunks() const { return chunks_; }
  double longest_way() const { return longest_way_; }  // seconds of the link's time that were on their way
  double longest_chunk() const { return longest_chunk_; }  // the same of one chunk

 private:
  struct Answer {
    Time at;
    std::uint64_t position;
    Time asked;
  };
  static Time::duration ticks(Seconds time) { return std::chrono::duration_cast<Time::duration>(time); }
  std::size_t credit_used() const { return ends_.size(); }
  // Chunks until the kernel is full (it takes 100 ms of the link), and the questions between.
  void hand_over(std::size_t credit) {
    ask();
    while (pacer_.room() && credit_used() < credit && free_ <= now_ + 100ms) {
      const std::uint32_t size = pacer_.chunk();
      position_ += size;
      ends_.push_back(position_);
      chunks_.push_back(size);
      free_ = std::max(free_, now_) + ticks(Seconds(size / rate_));
      longest_chunk_ = std::max(longest_chunk_, size / rate_);
      pacer_.sent(position_, now_);
      longest_way_ = std::max(longest_way_, static_cast<double>(position_ - pacer_.confirmed()) / rate_);
      ask();
    }
  }
  void ask() {
    if (pacer_.ask_at() > now_) return;
    answers_.push_back({std::max(held_until_, std::max(free_, now_) + ticks(round_trip_)), position_, now_});
    pacer_.asked(now_);
  }
  void answer() {
    const Answer answer = answers_.front();
    answers_.pop_front();
    pacer_.arrived(answer.position, answer.asked, now_);
    delivered_ = answer.position;
    while (!ends_.empty() && ends_.front() <= delivered_) ends_.pop_front();
  }

  Pacer& pacer_;
  double rate_;
  Seconds round_trip_;
  Time now_{1h}, free_{1h}, held_until_{1h};
  std::uint64_t position_ = 0, delivered_ = 0;
  std::deque<std::uint64_t> ends_;
  std::deque<Answer> answers_;
  std::vector<std::uint32_t> chunks_;
  double longest_way_ = 0, longest_chunk_ = 0;
};

class PacerTest : public testing::Test {
 protected:
  PacerTest() { pacer_.allow(kMost, true); }
  Pacer pacer_;
};

TEST_F(PacerTest, OnTheSlowestLinkChunksPassInSecondsAndTheLinkIsFull) {
  Link link(pacer_, kSlowest, 200ms);
  link.run(120s);
  EXPECT_LE(link.longest_chunk(), 2.1);
  EXPECT_LE(link.longest_way(), 4.2) << "a heartbeat waits no longer";
  EXPECT_GE(static_cast<double>(link.delivered()), 0.93 * kSlowest * 120);
  for (const std::uint32_t size : link.chunks()) EXPECT_EQ(size % 4096, 0u);
}

TEST_F(PacerTest, EvenAFourthOfTheSlowestLinkHoldsNoMoreThanAHeartbeatCanWait) {
  Link link(pacer_, kSlowest / 4, 500ms);
  link.run(120s);
  EXPECT_LE(link.longest_way(), 9);
}

TEST_F(PacerTest, OnAFastLinkTheLargestChunkIsReachedWithinAFew) {
  Link link(pacer_, 500e6, 1ms);
  link.run(1s, 8);
  const auto& chunks = link.chunks();
  const auto first = std::find(chunks.begin(), chunks.end(), kMost);
  EXPECT_LE(first - chunks.begin(), 20) << "two or three windows";
  EXPECT_TRUE(std::all_of(first, chunks.end(), [](std::uint32_t size) { return size == kMost; }));
  EXPECT_GE(static_cast<double>(link.delivered()), 0.85 * 500e6);
}

TEST_F(PacerTest, ALongFatLinkIsFilledWithinTwoSeconds) {
  Link link(pacer_, 100e6, 150ms);
  link.run(2s);
  const std::uint64_t before = link.delivered();
  link.run(4s);
  EXPECT_GE(static_cast<double>(link.delivered() - before), 0.9 * 100e6 * 4);
}

TEST_F(PacerTest, AChunkTakesASecondAtMostAtEveryRate) {
  for (const double rate : {20e3, 50e3, 130e3, 300e3, 999e3}) {
    Pacer pacer;
    pacer.allow(kMost, true);
    Link link(pacer, rate, 30ms);
    link.run(60s);
    EXPECT_LE(link.longest_way(), 5) << rate;
    EXPECT_LE(link.chunks().back() / rate, 1.1) << rate;
    EXPECT_GE(link.chunks().back() / rate, 0.4) << rate << ": no smaller than needed";
    EXPECT_GE(static_cast<double>(link.delivered()), 0.9 * rate * 60) << rate;
  }
}

TEST_F(PacerTest, FollowsALinkThatSlowsDownAndRecovers) {
  Link link(pacer_, 256e3, 20ms);
  link.run(20s);
  link.set_rate(32e3);
  link.run(60s);
  EXPECT_LE(link.chunks().back(), 32u * 1024);
  link.set_rate(50e6);
  link.run(20s);
  EXPECT_EQ(link.chunks().back(), kMost);
}

TEST_F(PacerTest, WaitingForCreditIsNotTakenForASlowLink) {
  Link link(pacer_, 500e6, 1ms);
  for (int i = 0; i < 20; ++i) {
    link.run(2ms, 1);  // one chunk passes
    link.run(3s, 0);   // the server has no room
  }
  EXPECT_EQ(link.chunks().back(), kMost);
}

TEST_F(PacerTest, AnswersThatComeTogetherAreNotTakenForAFastLink) {
  Link link(pacer_, 64e3, 20ms);
  link.run(20s);
  for (int i = 0; i < 20; ++i) {
    link.hold_answers(2s);
    link.run(3s);
  }
  EXPECT_LE(pacer_.rate(), 2 * 64e3);
  EXPECT_LE(link.longest_way(), 6);
}

TEST_F(PacerTest, AnotherLinkBeginsSmallAgainAndTheSameOneGoesOnLarge) {
  Link link(pacer_, 500e6, 1ms);
  link.run(1s);
  Pacer next(pacer_.rate());
  next.allow(kMost, true);
  EXPECT_GT(next.chunk(), 32u * 1024);
  pacer_.rewind(4096);
  EXPECT_EQ(pacer_.chunk(), kMost);
  pacer_.restart(4096);
  EXPECT_LE(pacer_.chunk(), 32u * 1024);
  EXPECT_EQ(pacer_.ask_at(), Time::max());
}

TEST_F(PacerTest, AnOriginalsChunksKeepTheirSizeButNotMoreThanOneIsOnASlowWay) {
  Pacer pacer;
  pacer.allow(120 * 1024, false);
  Link link(pacer, kSlowest, 100ms);
  link.run(120s);
  for (const std::uint32_t size : link.chunks()) EXPECT_EQ(size, 120u * 1024);
  EXPECT_LE(link.longest_way(), 8);
  EXPECT_GE(static_cast<double>(link.delivered()), 0.9 * kSlowest * 120);
}

TEST_F(PacerTest, WhatTheServerAllowsIsNeverExceeded) {
  for (const std::uint32_t most : {1000u, 4096u, 100000u, 1000000u}) {
    Pacer pacer;
    pacer.allow(most, true);
    Link link(pacer, 10e6, 1ms);
    link.run(1s, 8);
    EXPECT_EQ(*std::max_element(link.chunks().begin(), link.chunks().end()), most);
  }
}

TEST_F(PacerTest, AFewBytesAreNotAskedAbout) {
  Pacer pacer(1e6);
  pacer.allow(kMost, true);
  pacer.sent(4000, Time(1h));
  EXPECT_EQ(pacer.ask_at(), Time::max());
  pacer.sent(4000 + limits::kMiB, Time(1h));
  EXPECT_LE(pacer.ask_at(), Time(1h));
}

TEST_F(PacerTest, BytesThatHoldUpTheNextChunkAreAskedAboutHoweverFew) {
  Pacer pacer;
  pacer.allow(120 * 1024, false);
  pacer.sent(10, Time(1h));
  EXPECT_FALSE(pacer.room());
  EXPECT_LE(pacer.ask_at(), Time(1h));
}

}  // namespace
}  // namespace dync::client::pacer_test
