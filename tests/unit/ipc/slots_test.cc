#include <gtest/gtest.h>
#include <set>
#include <vector>

#include "proto/ipc/shared_memory.h"
#include "tests/unit/ipc/samples.h"

namespace dync::ipc {
namespace {

using samples::id;
using Until = SlotPool::Until;

class Slots : public testing::Test {
 protected:
  MarkTable::Taken open(unsigned char upload) { return *table_.take(id(upload), 0, 0); }
  void written(const MarkTable::Taken& of, std::uint64_t bytes) {
    store_written(memory_.mark(of.index), of.epoch, bytes);
  }
  void hashed(const MarkTable::Taken& of, std::uint64_t bytes) {
    store_hashed(memory_.mark(of.index), of.epoch, bytes);
  }
  std::optional<SlotPool::Lent> lend(const MarkTable::Taken& to, std::uint64_t end,
                                     Until until = Until::hashed) {
    return pool_.lend(to.index, to.epoch, end, until);
  }

  posix::Fd fd_ = SharedMemory::create({.slots = 8, .slot_bytes = 4096, .marks = 8});
  SharedMemory memory_{fd_.get()};
  MarkTable table_{memory_};
  SlotPool pool_{memory_};
};

TEST_F(Slots, AreFreeOnceBothMarksHavePassed) {
  const auto upload = open(1);
  ASSERT_TRUE(lend(upload, 100));
  EXPECT_EQ(pool_.free(), 7U);
  EXPECT_EQ(pool_.collect(), 0U);
  hashed(upload, 100);
  EXPECT_EQ(pool_.collect(), 0U) << "not written yet";
  written(upload, 99);
  EXPECT_EQ(pool_.collect(), 0U) << "one byte is missing";
  written(upload, 100);
  EXPECT_EQ(pool_.collect(), 1U);
  EXPECT_EQ(pool_.free(), 8U);
  EXPECT_EQ(pool_.collect(), 0U);
}

TEST_F(Slots, LentUntilWrittenNeedNoHash) {
  const auto upload = open(1);
  ASSERT_TRUE(lend(upload, 100, Until::written));
  EXPECT_EQ(pool_.collect(), 0U);
  written(upload, 100);
  EXPECT_EQ(pool_.collect(), 1U);
}

TEST_F(Slots, AreFreeOnceTheEpochIsOver) {
  const auto upload = open(1);
  ASSERT_TRUE(lend(upload, 100));
  ASSERT_TRUE(table_.take(id(1), 0, 0));
  EXPECT_EQ(pool_.collect(), 1U);
  const auto other = open(2);
  ASSERT_TRUE(lend(other, 100));
  table_.give_back(other.index);
  EXPECT_EQ(pool_.collect(), 1U);
}

// The next upload that gets the same mark must not inherit loans.
TEST_F(Slots, OfAnUploadThatGaveItsMarkBackAreFree) {
  const auto first = open(1);
  ASSERT_TRUE(lend(first, 100));
  table_.give_back(first.index);
  const auto second = open(2);
  ASSERT_EQ(second.index, first.index);
  EXPECT_EQ(pool_.collect(), 1U);
}

TEST_F(Slots, OneUploadHoldsAtMostHalf) {
  const auto greedy = open(1);
  for (std::uint64_t end = 1; end <= 4; ++end) ASSERT_TRUE(lend(greedy, end));
  EXPECT_FALSE(lend(greedy, 5));
  const auto other = open(2);
  for (std::uint64_t end = 1; end <= 4; ++end) ASSERT_TRUE(lend(other, end));
  EXPECT_FALSE(lend(open(3), 1)) << "all are lent";
  written(greedy, 1);
  hashed(greedy, 1);
  EXPECT_TRUE(lend(greedy, 5)) << "lending collects first";
}

TEST_F(Slots, EachLoanHasAGenerationOfItsOwn) {
  const auto upload = open(1);
  std::set<std::pair<std::uint32_t, std::uint64_t>> seen;
  for (std::uint64_t end = 1; end <= 100; ++end) {
    const auto lent = lend(upload, end);
    ASSERT_TRUE(lent);
    EXPECT_EQ(lent->bytes.size(), 4096U);
    EXPECT_EQ(lent->bytes.data(), memory_.slot(lent->slot).data());
    EXPECT_TRUE(seen.emplace(lent->slot, lent->generation).second);
    EXPECT_TRUE(slot_is(memory_, lent->slot, lent->generation));
    EXPECT_FALSE(slot_is(memory_, lent->slot, lent->generation - 1));
    written(upload, end);
    hashed(upload, end);
  }
}

TEST_F(Slots, AFreeSlotStaysGoodUntilItIsLentAgain) {
  const auto upload = open(1);
  const auto lent = *lend(upload, 10, Until::written);
  written(upload, 10);
  ASSERT_EQ(pool_.collect(), 1U);
  EXPECT_TRUE(slot_is(memory_, lent.slot, lent.generation));
  const auto again = *lend(upload, 20);
  ASSERT_EQ(again.slot, lent.slot);
  EXPECT_FALSE(slot_is(memory_, lent.slot, lent.generation));
}

// A successor of the receiver knows nothing of its loans, and hints of the old one are still on their way.
TEST_F(Slots, ANewPoolNeverRepeatsAGeneration) {
  const auto lent = *lend(open(1), 10);
  SlotPool successor(memory_);
  EXPECT_EQ(successor.free(), 8U);
  const auto other = open(2);
  for (std::uint64_t end = 1; end <= 4; ++end) {
    const auto next = *successor.lend(other.index, other.epoch, end, Until::hashed);
    EXPECT_NE(std::pair(next.slot, next.generation), std::pair(lent.slot, lent.generation));
  }
}

TEST_F(Slots, OfADeadHasherAreFreeOnceWritten) {
  std::vector<MarkTable::Taken> uploads;
  for (unsigned char i = 0; i < 4; ++i) uploads.push_back(open(static_cast<unsigned char>(i + 1)));
  for (const auto& upload : uploads) {
    ASSERT_TRUE(lend(upload, 10));
    ASSERT_TRUE(lend(upload, 20));
    written(upload, 10);
  }
  // Hasher 1 of 2 serves the marks 1 and 3: their written chunks are taken back at once.
  EXPECT_EQ(pool_.collect_written(1, 2), 2U);
  for (const auto& upload : uploads) written(upload, 20);
  EXPECT_EQ(pool_.collect(), 2U) << "and those that were on their way when it died";
  for (const auto& upload : uploads) hashed(upload, 20);
  EXPECT_EQ(pool_.collect(), 4U);
  EXPECT_EQ(pool_.free(), 8U);
}

}  // namespace
}  // namespace dync::ipc
