#include <gtest/gtest.h>

#include "hasher/uploads.h"
#include "schema/limits/limits.h"
#include "tests/unit/hasher/receiver_side.h"

namespace dync::hasher::checkpoint_test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kPiece = 64 * 1024;
constexpr std::size_t kPieces = 8;

class CheckpointTest : public testing::Test {
 protected:
  Shared shared_{{8, kPiece, 16}};
  ipc::MarkTable marks_{shared_.memory};
  ipc::SlotPool slots_{shared_.memory};
  ReceiverSide receiver_{shared_, marks_, slots_, 1};
  std::vector<std::byte> data_ = random_data(kPiece * kPieces, 1);
  Clock::time_point now_ = Clock::now();
  std::vector<ipc::Message> told_;
  service::Log log_{[](service::Level, const std::string&) {}};
  Uploads uploads_{shared_.memory, shared_.opener(),
                   [this](const ipc::Message& message) {
                     told_.push_back(message);
                     return true;
                   },
                   log_};

  void take(const ipc::Message& message) { uploads_.take(message, now_); }
  void work() {
    for (int rounds = 0; uploads_.is_busy(); ++rounds) {
      ASSERT_LT(rounds, 1000) << "never ends";
      uploads_.work(now_);
    }
  }
  void plan(std::uint64_t offset) { take(ipc::Plan{receiver_.upload(), receiver_.epoch(), offset}); }
  // By a hint of its slot; then it is written.
  void send(std::size_t from, std::size_t to) {
    const auto bytes = std::span(data_).subspan(from, to - from);
    take(receiver_.lend(bytes, from).value());
    work();
    receiver_.write(bytes, from);
  }
  void write(std::size_t from, std::size_t to) {
    receiver_.write(std::span(data_).subspan(from, to - from), from);
  }
  void find() {
    now_ += 2 * limits::kHintPause;
    uploads_.look(now_);
    work();
  }
  void end() {
    take(receiver_.end(data_));
    work();
  }
  digest::Midstate state_at(std::size_t bytes) const {
    digest::Sha256 hash;
    hash.update(std::span(data_).first(bytes));
    return hash.midstate().value();
  }
  std::vector<std::uint64_t> told_offsets() const {
    std::vector<std::uint64_t> offsets;
    for (const auto& message : told_)
      if (const auto* told = std::get_if<ipc::Checkpoint>(&message)) {
        EXPECT_EQ(told->state, state_at(told->state.length));
        EXPECT_EQ(told->epoch, receiver_.epoch());
        offsets.push_back(told->state.length);
      }
    return offsets;
  }
  std::optional<ipc::Verdict> verdict() const {
    for (const auto& message : told_)
      if (const auto* told = std::get_if<ipc::Verdict>(&message)) return *told;
    return std::nullopt;
  }
  using Offsets = std::vector<std::uint64_t>;
};

TEST_F(CheckpointTest, InTheMiddleOfASlotsChunk) {
  take(receiver_.begin());
  plan(kPiece + 64);
  send(0, kPiece);
  EXPECT_EQ(told_offsets(), Offsets{});
  send(kPiece, 2 * kPiece);
  EXPECT_EQ(told_offsets(), Offsets{kPiece + 64});
  write(2 * kPiece, data_.size());
  end();
  ASSERT_TRUE(verdict());
  EXPECT_TRUE(verdict()->matches);
}

TEST_F(CheckpointTest, AtTheEndOfAChunkAndWhereItStandsAlready) {
  take(receiver_.begin());
  plan(kPiece);
  send(0, kPiece);
  EXPECT_EQ(told_offsets(), Offsets{kPiece});
  send(kPiece, 2 * kPiece);
  plan(2 * kPiece);
  EXPECT_EQ(told_offsets(), (Offsets{kPiece, 2 * kPiece}));
}

TEST_F(CheckpointTest, FromTheFile) {
  take(receiver_.begin());
  plan(3 * kPiece + 128);
  write(0, data_.size());
  find();
  EXPECT_EQ(told_offsets(), Offsets{3 * kPiece + 128});
}

TEST_F(CheckpointTest, ALaterPlanReplacesTheEarlier) {
  take(receiver_.begin());
  plan(4 * kPiece);
  plan(2 * kPiece);
  write(0, data_.size());
  find();
  EXPECT_EQ(told_offsets(), Offsets{2 * kPiece});
}

TEST_F(CheckpointTest, WhatCantBeKeptIsNothing) {
  take(receiver_.begin());
  send(0, kPiece);
  plan(64);                                                                // passed
  plan(kPiece + 1);                                                        // no block's end
  take(ipc::Plan{receiver_.upload(), receiver_.epoch() - 1, 2 * kPiece});  // another epoch's
  write(kPiece, data_.size());
  find();
  EXPECT_EQ(told_offsets(), Offsets{});
  end();
  EXPECT_TRUE(verdict()->matches);
}

// The slot gets other bytes before they are hashed.
TEST_F(CheckpointTest, AStaleSlotMakesNone) {
  take(receiver_.begin());
  plan(64);
  auto hint = receiver_.lend(std::span(data_).first(kPiece), 0).value();
  --hint.generation;
  take(hint);
  work();
  EXPECT_EQ(told_offsets(), Offsets{});
  write(0, kPiece);
  find();
  EXPECT_EQ(told_offsets(), Offsets{64}) << "from the file instead";
}

TEST_F(CheckpointTest, ANewCommitterAndAPlanThatIsRepeatedHearItAgain) {
  take(receiver_.begin());
  plan(kPiece);
  send(0, kPiece);
  uploads_.tell_again();
  EXPECT_EQ(told_offsets(), (Offsets{kPiece, kPiece}));
  send(kPiece, 2 * kPiece);
  plan(kPiece);
  EXPECT_EQ(told_offsets(), (Offsets{kPiece, kPiece, kPiece}));
}

TEST_F(CheckpointTest, ANewHasherGoesOnFromIt) {
  write(0, data_.size());
  auto begin = receiver_.begin();
  begin.checkpoint = state_at(7 * kPiece);
  take(begin);
  EXPECT_EQ(receiver_.hashed(), 7 * kPiece);
  end();
  ASSERT_TRUE(verdict());
  EXPECT_TRUE(verdict()->matches);
  EXPECT_EQ(verdict()->sha256, sha256_of(data_));
  EXPECT_EQ(verdict()->from_file, kPiece) << "nothing before the checkpoint was read again";
}

TEST_F(CheckpointTest, AWrongOneIsNoMismatchButTheWholeFileIsRead) {
  write(0, data_.size());
  auto begin = receiver_.begin();
  begin.checkpoint = state_at(7 * kPiece);
  begin.checkpoint->words[0] ^= 1;
  take(begin);
  end();
  ASSERT_TRUE(verdict());
  EXPECT_TRUE(verdict()->matches);
  EXPECT_EQ(verdict()->from_file, kPiece + data_.size());
}

TEST_F(CheckpointTest, AnImpossibleOneIsAsGoodAsNone) {
  write(0, 2 * kPiece);
  auto begin = receiver_.begin();
  begin.checkpoint = state_at(3 * kPiece);  // beyond the written mark
  take(begin);
  write(2 * kPiece, data_.size());
  end();
  ASSERT_TRUE(verdict());
  EXPECT_TRUE(verdict()->matches);
  EXPECT_EQ(verdict()->from_file, data_.size());
}

TEST_F(CheckpointTest, AnotherEpochGoesBackToItsOwn) {
  take(receiver_.begin());
  plan(6 * kPiece);
  send(0, kPiece);
  auto begin = receiver_.begin_epoch(kPiece);
  begin.checkpoint = state_at(64);
  take(begin);
  write(kPiece, data_.size());
  find();
  EXPECT_EQ(told_offsets(), Offsets{}) << "the plan was of the epoch before";
  end();
  EXPECT_TRUE(verdict()->matches);
  EXPECT_EQ(verdict()->from_file, data_.size() - 64);
}

}  // namespace
}  // namespace dync::hasher::checkpoint_test
