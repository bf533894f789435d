#include "hasher/hashing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

#include "proto/posix/error.h"
#include "schema/limits/limits.h"
#include "tests/unit/hasher/receiver_side.h"

namespace dync::hasher::hashing_test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::size_t kChunk = 64 * 1024;
constexpr std::size_t kChunks = 10;

class HashingTest : public testing::Test {
 protected:
  Shared shared_{{8, kChunk, 16}};
  ipc::MarkTable marks_{shared_.memory};
  ipc::SlotPool slots_{shared_.memory};
  ReceiverSide receiver_{shared_, marks_, slots_, 1};
  std::vector<std::byte> data_ = random_data(kChunk * kChunks, 1);
  std::vector<std::byte> buffer_ = std::vector<std::byte>(limits::kHashRead);
  Clock::time_point now_ = Clock::now();
  Hashing hashing_{shared_.memory, receiver_.begin(), now_};
  OpenStaged open_ = shared_.opener();

  std::span<const std::byte> chunk(std::size_t index) {
    return std::span(data_).subspan(index * kChunk, kChunk);
  }
  ipc::Chunk lend(std::size_t index) { return receiver_.lend(chunk(index), index * kChunk).value(); }
  void write(std::size_t index) { receiver_.write(chunk(index), index * kChunk); }
  void write_all() { receiver_.write(data_, 0); }
  std::size_t turn() { return hashing_.turn(open_, buffer_, now_); }
  void run() {
    for (int turns = 0; hashing_.has_work(now_); ++turns) {
      ASSERT_LT(turns, 1000) << "never ends";
      turn();
    }
  }
  ipc::Verdict verdict() { return std::get<ipc::Verdict>(hashing_.outcome().value()); }
  std::string why_unreadable() { return std::get<ipc::Unreadable>(hashing_.outcome().value()).sentence; }
};

TEST_F(HashingTest, FollowsHintsInOrder) {
  for (std::size_t i = 0; i < kChunks; ++i) {
    hashing_.hint(lend(i), now_);
    run();
    EXPECT_EQ(receiver_.hashed(), (i + 1) * kChunk) << "hashed from the slot, before it is written";
    write(i);
  }
  hashing_.end(receiver_.end(data_));
  run();
  EXPECT_TRUE(verdict().matches);
  EXPECT_EQ(verdict().upload, receiver_.upload());
  EXPECT_EQ(verdict().epoch, receiver_.epoch());
  EXPECT_EQ(verdict().size, data_.size());
  EXPECT_EQ(verdict().sha256, sha256_of(data_));
  EXPECT_EQ(verdict().from_slots, data_.size());
  EXPECT_EQ(verdict().from_file, 0U);
}

TEST_F(HashingTest, AnEmptyUploadNeedsNoFile) {
  posix::remove_tree_at(posix::open_directory(receiver_.path().parent_path()).get(), "data");
  hashing_.end(receiver_.end({}));
  run();
  EXPECT_TRUE(verdict().matches);
  EXPECT_EQ(verdict().size, 0U);
}

TEST_F(HashingTest, ALostHintIsReadFromTheFileAtOnce) {
  for (std::size_t i = 0; i < kChunks; ++i) {
    const auto hint = lend(i);
    if (i != 3 && i != 4) hashing_.hint(hint, now_);
    write(i);
    run();
  }
  EXPECT_EQ(receiver_.hashed(), data_.size()) << "without any waiting";
  hashing_.end(receiver_.end(data_));
  run();
  EXPECT_TRUE(verdict().matches);
  EXPECT_EQ(verdict().from_file, 2 * kChunk);
  EXPECT_EQ(verdict().from_slots, data_.size() - 2 * kChunk);
}

TEST_F(HashingTest, AHintAheadWaitsForTheWrittenMark) {
  lend(0);
  hashing_.hint(lend(1), now_);
  run();
  EXPECT_EQ(hashing_.position(), 0U);
  write(0);
  run();
  EXPECT_EQ(hashing_.position(), 2 * kChunk);
}

TEST_F(HashingTest, RepeatedAndLateHintsChangeNothing) {
  const auto first = lend(0);
  hashing_.hint(first, now_);
  hashing_.hint(first, now_);
  run();
  hashing_.hint(first, now_);
  run();
  EXPECT_EQ(hashing_.position(), kChunk);
  hashing_.hint(lend(1), now_);
  run();
  EXPECT_EQ(hashing_.position(), 2 * kChunk);
}

TEST_F(HashingTest, ASlotOfAnotherGenerationIsNeverHashed) {
  auto hint = lend(0);
  --hint.generation;
  hashing_.hint(hint, now_);
  run();
  EXPECT_EQ(hashing_.position(), 0U);
  write(0);
  run();
  EXPECT_EQ(hashing_.position(), kChunk) << "read from the file without waiting";
  write_all();
  hashing_.end(receiver_.end(data_));
  run();
  EXPECT_TRUE(verdict().matches);
  EXPECT_EQ(verdict().from_slots, 0U);
}

// Somebody fills the slot anew while it is being hashed.
TEST_F(HashingTest, AGenerationThatMovesInTheMiddleIsUndone) {
  const auto hint = lend(0);
  write_all();
  auto& generation = shared_.memory.slot_generation(hint.slot);
  unsigned undone = 0;
  for (int round = 0; round < 400; ++round) {
    generation.store(hint.generation);
    std::memcpy(shared_.memory.slot(hint.slot).data(), data_.data(), kChunk);
    Hashing hashing(shared_.memory, receiver_.begin(), now_);
    hashing.hint(hint, now_);
    std::atomic<bool> begun = false;
    std::jthread other([&] {
      begun = true;
      for (int wait = 0; wait < round * 50; ++wait) std::atomic_signal_fence(std::memory_order_seq_cst);
      generation.store(hint.generation + 1, std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_release);
      auto* byte = reinterpret_cast<volatile unsigned char*>(shared_.memory.slot(hint.slot).data());
      for (std::size_t i = 0; i < kChunk; i += 64) byte[i] = static_cast<unsigned char>(byte[i] + 1);
    });
    while (!begun) std::this_thread::yield();
    hashing.turn(open_, buffer_, now_);
    other.join();
    hashing.end(receiver_.end(data_));
    while (hashing.has_work(now_)) hashing.turn(open_, buffer_, now_);
    const auto told = std::get<ipc::Verdict>(hashing.outcome().value());
    ASSERT_TRUE(told.matches) << "round " << round;
    ASSERT_FALSE(hashing.was_confirmed()) << "the slot's new bytes got into the digest, round " << round;
    if (told.from_slots == 0) ++undone;
  }
  EXPECT_GT(undone, 0U);
}

TEST_F(HashingTest, WithoutHintsItReadsTheFileAfterAWhile) {
  write(0);
  EXPECT_FALSE(hashing_.has_work(now_ + limits::kHintPause - 1ms));
  now_ += limits::kHintPause;
  run();
  EXPECT_EQ(receiver_.hashed(), kChunk);
  write(1);
  run();
  EXPECT_EQ(receiver_.hashed(), 2 * kChunk);
}

TEST_F(HashingTest, NeverReadsBeyondTheWrittenMark) {
  receiver_.write(chunk(0), 0);
  // The file is longer already: bytes that are being written, and will be others.
  const auto other = random_data(kChunk, 99);
  posix::write_at(posix::open_file(receiver_.path(), O_WRONLY).get(), other, kChunk);
  now_ += limits::kHintPause;
  run();
  EXPECT_EQ(hashing_.position(), kChunk);
  hashing_.end(receiver_.end(data_));
  run();
  EXPECT_EQ(hashing_.position(), kChunk);
  EXPECT_FALSE(hashing_.outcome());
  write_all();
  run();
  EXPECT_TRUE(verdict().matches);
  EXPECT_FALSE(hashing_.was_confirmed());
}

TEST_F(HashingTest, TheMarkOfAnotherEpochCountsForNothing) {
  write_all();
  receiver_.begin_epoch(data_.size());
  now_ += limits::kHintPause;
  hashing_.end({receiver_.upload(), 1, data_.size(), sha256_of(data_)});
  run();
  EXPECT_EQ(hashing_.position(), 0U);
  EXPECT_EQ(receiver_.hashed(), 0U);
  EXPECT_TRUE(hashing_.is_over());
}

TEST_F(HashingTest, MessagesOfAnotherEpochAreDropped) {
  auto hint = lend(0);
  ++hint.epoch;
  hashing_.hint(hint, now_);
  auto end = receiver_.end({});
  ++end.epoch;
  hashing_.end(end);
  run();
  EXPECT_EQ(hashing_.position(), 0U);
  EXPECT_FALSE(hashing_.outcome());
}

TEST_F(HashingTest, AHintThatCantBeIsDropped) {
  const auto good = lend(0);
  auto hint = good;
  hint.slot = 1000;
  hashing_.hint(hint, now_);
  hint = good;
  hint.length = kChunk + 1;
  hashing_.hint(hint, now_);
  hint.length = 0;
  hashing_.hint(hint, now_);
  run();
  EXPECT_EQ(hashing_.position(), 0U);
  hashing_.hint(good, now_);
  run();
  EXPECT_EQ(hashing_.position(), kChunk);
}

TEST_F(HashingTest, AMismatchIsConfirmedByTheWholeFile) {
  write_all();
  auto end = receiver_.end(data_);
  end.expected[0] ^= std::byte{1};
  hashing_.end(end);
  run();
  EXPECT_FALSE(verdict().matches);
  EXPECT_TRUE(hashing_.was_confirmed());
  EXPECT_EQ(verdict().sha256, sha256_of(data_));
  EXPECT_EQ(verdict().from_file, 2 * data_.size());
  EXPECT_EQ(receiver_.hashed(), data_.size());
}

TEST_F(HashingTest, AMistakeOfOursIsNoMismatch) {
  const auto hint = lend(0);
  shared_.memory.slot(hint.slot)[100] ^= std::byte{1};
  hashing_.hint(hint, now_);
  run();
  write_all();
  hashing_.end(receiver_.end(data_));
  run();
  EXPECT_TRUE(verdict().matches);
  EXPECT_TRUE(hashing_.was_confirmed());
  EXPECT_EQ(verdict().sha256, sha256_of(data_));
}

TEST_F(HashingTest, MoreHashedThanTheUploadHasIsHashedAgain) {
  hashing_.hint(lend(0), now_);
  run();
  write_all();
  const auto shorter = std::span<const std::byte>(data_).first(kChunk / 2);
  hashing_.end(receiver_.end(shorter));
  run();
  EXPECT_TRUE(verdict().matches);
  EXPECT_EQ(verdict().size, kChunk / 2);
}

TEST_F(HashingTest, HintsBeyondTheEndAreDropped) {
  const auto shorter = std::span<const std::byte>(data_).first(kChunk + 10);
  hashing_.hint(lend(0), now_);
  hashing_.hint(lend(1), now_);
  receiver_.write(shorter, 0);
  hashing_.end(receiver_.end(shorter));
  run();
  EXPECT_TRUE(verdict().matches);
  EXPECT_FALSE(hashing_.was_confirmed());
}

TEST_F(HashingTest, AMissingFileIsUnreadable) {
  write_all();
  std::filesystem::remove(receiver_.path());
  hashing_.end(receiver_.end(data_));
  run();
  EXPECT_THAT(why_unreadable(), HasSubstr("No such file"));
  EXPECT_FALSE(hashing_.has_work(now_ + 1h));
}

TEST_F(HashingTest, ASymlinkIsUnreadable) {
  write_all();
  std::filesystem::rename(receiver_.path(), receiver_.path().native() + "-moved");
  std::filesystem::create_symlink("data-moved", receiver_.path());
  hashing_.end(receiver_.end(data_));
  run();
  EXPECT_THAT(why_unreadable(), HasSubstr("cannot open"));
}

TEST_F(HashingTest, AShrunkenFileIsUnreadable) {
  write_all();
  std::filesystem::resize_file(receiver_.path(), kChunk + 5);
  hashing_.end(receiver_.end(data_));
  run();
  EXPECT_THAT(why_unreadable(), HasSubstr("ends at byte 65541"));
}

TEST_F(HashingTest, AFileThatShrinksWhileAMismatchIsConfirmedIsUnreadable) {
  for (std::size_t i = 0; i < 4; ++i) hashing_.hint(lend(i), now_);
  run();
  const auto first = std::span<const std::byte>(data_).first(4 * kChunk);
  receiver_.write(first, 0);
  std::filesystem::resize_file(receiver_.path(), 7);
  auto end = receiver_.end(first);
  end.expected[0] ^= std::byte{1};
  hashing_.end(end);
  run();
  EXPECT_THAT(why_unreadable(), HasSubstr("ends at byte 7"));
}

// A receiver that cuts the file has begun a new epoch before.
TEST_F(HashingTest, ACutFileOfAnOldEpochIsNoAlarm) {
  write_all();
  hashing_.end(receiver_.end(data_));
  const auto open = [&](const wire::Id& upload) {
    receiver_.begin_epoch(0);
    std::filesystem::resize_file(receiver_.path(), 0);
    return shared_.opener()(upload);
  };
  hashing_.turn(open, buffer_, now_);
  EXPECT_FALSE(hashing_.outcome());
  EXPECT_FALSE(hashing_.has_work(now_));
}

TEST_F(HashingTest, WantOfDescriptorsIsTriedAgain) {
  write_all();
  hashing_.end(receiver_.end(data_));
  const auto none = [](const wire::Id&) -> posix::Fd { throw posix::Error(EMFILE, "open", "the file"); };
  EXPECT_THROW(hashing_.turn(none, buffer_, now_), posix::Error);
  EXPECT_FALSE(hashing_.outcome());
  run();
  EXPECT_TRUE(verdict().matches);
}

TEST_F(HashingTest, ATurnIsBounded) {
  const auto large = random_data(3 * limits::kHashShare, 2);
  receiver_.write(large, 0);
  auto end = receiver_.end(large);
  end.expected[0] ^= std::byte{1};
  hashing_.end(end);
  int turns = 0;
  while (hashing_.has_work(now_)) {
    EXPECT_LE(turn(), limits::kHashShare);
    ++turns;
  }
  EXPECT_EQ(turns, 6) << "three for the bytes, three to confirm";
  EXPECT_FALSE(verdict().matches);
}

TEST_F(HashingTest, FarBehindItReadsTheFileWithoutWaiting) {
  const auto large = random_data(limits::kHasherLag + kChunk, 3);
  receiver_.write(std::span<const std::byte>(large).first(limits::kHasherLag), 0);
  EXPECT_FALSE(hashing_.has_work(now_));
  receiver_.write(std::span<const std::byte>(large).last(kChunk), limits::kHasherLag);
  EXPECT_TRUE(hashing_.has_work(now_));
  run();
  EXPECT_GE(hashing_.position(), kChunk);
}

TEST_F(HashingTest, TheQueueOfHintsIsBoundedAndAFullOneOnlyCostsSpeed) {
  const std::size_t pieces = 3 * limits::kMostHints;
  const std::size_t bytes = data_.size() / pieces;
  const auto slot = lend(0);
  std::memcpy(shared_.memory.slot(slot.slot).data(), data_.data(), kChunk);
  auto hint = slot;
  hint.length = static_cast<std::uint32_t>(bytes);
  for (std::size_t i = 0; i < pieces; ++i) {
    hint.offset = i * bytes;
    hint.slot = i == 0 ? slot.slot : 7;
    hint.generation = i == 0 ? slot.generation : 12345;
    hashing_.hint(hint, now_);
  }
  write_all();
  hashing_.end(receiver_.end(data_));
  run();
  EXPECT_TRUE(verdict().matches);
  EXPECT_FALSE(hashing_.was_confirmed());
  EXPECT_EQ(verdict().from_slots, bytes);
}

}  // namespace
}  // namespace dync::hasher::hashing_test
