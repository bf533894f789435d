#include <array>
#include <gtest/gtest.h>
#include <thread>

#include "proto/ipc/shared_memory.h"
#include "tests/unit/ipc/samples.h"

namespace dync::ipc {
namespace {

using samples::id;

class Marks : public testing::Test {
 protected:
  posix::Fd fd_ = SharedMemory::create({.slots = 2, .slot_bytes = 4096, .marks = 3});
  SharedMemory memory_{fd_.get()};
  MarkTable table_{memory_};
};

TEST_F(Marks, TakingBeginsAnEpochWithBothMarksSet) {
  const auto taken = table_.take(id(1), 7, 4096);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->epoch, 8U);
  EXPECT_EQ(table_.find(id(1)), taken->index);
  const Mark& mark = memory_.mark(taken->index);
  EXPECT_EQ(written_bytes(mark, 8), 4096U);
  EXPECT_EQ(hashed_bytes(mark, 8), 0U);
  EXPECT_EQ(written_bytes(mark, 7), 0U);
  EXPECT_EQ(last_written(mark), 4096U);
}

TEST_F(Marks, TakingAgainKeepsTheEntryAndRaisesTheEpoch) {
  const auto first = *table_.take(id(1), 0, 0);
  store_written(memory_.mark(first.index), first.epoch, 500);
  const auto second = *table_.take(id(1), 0, 300);
  EXPECT_EQ(second.index, first.index);
  EXPECT_GT(second.epoch, first.epoch);
  EXPECT_EQ(written_bytes(memory_.mark(second.index), second.epoch), 300U);
}

TEST_F(Marks, AStoreOfAnEpochThatIsOverDoesNothing) {
  const auto old = *table_.take(id(1), 0, 0);
  const auto now = *table_.take(id(1), 0, 100);
  Mark& mark = memory_.mark(now.index);
  store_hashed(mark, now.epoch, 50);
  store_written(mark, old.epoch, 9999);
  store_hashed(mark, old.epoch, 9999);
  EXPECT_EQ(written_bytes(mark, now.epoch), 100U);
  EXPECT_EQ(hashed_bytes(mark, now.epoch), 50U);
}

TEST_F(Marks, AHasherThatStartsAgainMayTellLess) {
  const auto taken = *table_.take(id(1), 0, 100);
  Mark& mark = memory_.mark(taken.index);
  store_hashed(mark, taken.epoch, 90);
  store_hashed(mark, taken.epoch, 10);
  EXPECT_EQ(hashed_bytes(mark, taken.epoch), 10U);
}

// Only the low 16 bits of an epoch travel with a position.
TEST_F(Marks, EpochsGoOnBeyondSixteenBits) {
  const auto taken = *table_.take(id(1), 0xffff, 5);
  EXPECT_EQ(taken.epoch, 0x10000U);
  Mark& mark = memory_.mark(taken.index);
  EXPECT_EQ(written_bytes(mark, taken.epoch), 5U);
  store_written(mark, taken.epoch, 6);
  EXPECT_EQ(written_bytes(mark, taken.epoch), 6U);
  EXPECT_EQ(written_bytes(mark, 0xffff), 0U);
}

TEST_F(Marks, AnEntryThatIsUsedAgainGoesOnWithItsEpochs) {
  const auto first = *table_.take(id(1), 40, 10);
  table_.give_back(first.index);
  EXPECT_FALSE(table_.find(id(1)));
  const auto second = *table_.take(id(2), 0, 0);
  ASSERT_EQ(second.index, first.index);
  EXPECT_GT(second.epoch, first.epoch);
}

TEST_F(Marks, NothingWhenAllAreTakenUntilOneIsGivenBack) {
  for (unsigned char i = 1; i <= 3; ++i) ASSERT_TRUE(table_.take(id(i), 0, 0));
  EXPECT_FALSE(table_.take(id(4), 0, 0));
  EXPECT_TRUE(table_.take(id(2), 0, 0)) << "its own entry";
  table_.give_back(*table_.find(id(1)));
  EXPECT_TRUE(table_.take(id(4), 0, 0));
  EXPECT_FALSE(table_.take(id(5), 0, 0));
}

TEST_F(Marks, GivingBackTwiceCountsOnce) {
  const auto taken = *table_.take(id(1), 0, 0);
  table_.give_back(taken.index);
  table_.give_back(taken.index);
  for (unsigned char i = 1; i <= 3; ++i) ASSERT_TRUE(table_.take(id(i), 0, 0));
  EXPECT_FALSE(table_.take(id(4), 0, 0));
}

TEST_F(Marks, ANewReceiverFindsThemAndTheirPositions) {
  const auto taken = *table_.take(id(2), 0, 0);
  store_written(memory_.mark(taken.index), taken.epoch, 777);
  table_.take(id(3), 0, 0);

  SharedMemory mapped_again(fd_.get());
  MarkTable successor(mapped_again);
  ASSERT_EQ(successor.find(id(2)), taken.index);
  EXPECT_EQ(last_written(mapped_again.mark(taken.index)), 777U);
  const std::array live{id(2)};
  successor.keep_only(live);
  EXPECT_TRUE(successor.find(id(2)));
  EXPECT_FALSE(successor.find(id(3)));
  EXPECT_TRUE(successor.take(id(5), 0, 0));
  EXPECT_TRUE(successor.take(id(6), 0, 0));
  EXPECT_FALSE(successor.take(id(7), 0, 0));
}

TEST_F(Marks, APositionBeyondItsBitsIsRefused) {
  const auto taken = *table_.take(id(1), 0, 0);
  Mark& mark = memory_.mark(taken.index);
  store_written(mark, taken.epoch, (1ULL << 48) - 1);
  EXPECT_EQ(written_bytes(mark, taken.epoch), (1ULL << 48) - 1);
  EXPECT_THROW(store_written(mark, taken.epoch, 1ULL << 48), std::length_error);
}

// A thread plays a hasher that is late all the time: it never hides the position of a newer epoch.
TEST_F(Marks, LateStoresNeverHideANewEpoch) {
  auto taken = *table_.take(id(1), 0, 0);
  Mark& mark = memory_.mark(taken.index);
  std::atomic<bool> stop = false;
  std::thread late([&] {
    while (!stop) store_written(mark, mark.epoch.load() - 1, 1), store_written(mark, mark.epoch.load(), 2);
  });
  for (int round = 0; round < 50'000; ++round) {
    taken = *table_.take(id(1), 0, 1000);
    const auto seen = written_bytes(mark, taken.epoch);
    EXPECT_TRUE(seen == 1000 || seen == 2) << seen;
  }
  stop = true;
  late.join();
}

TEST(SharedMemory, AnotherLayoutIsRefused) {
  const posix::Fd fd = SharedMemory::create({.slots = 2, .slot_bytes = 4096, .marks = 3});
  EXPECT_NO_THROW(SharedMemory{fd.get()});
  const posix::Mapping page(fd.get(), 4096);
  for (const std::size_t at : {0U, 8U, 12U, 16U, 21U}) {
    page.data()[at] ^= std::byte{4};
    EXPECT_THROW(SharedMemory{fd.get()}, std::runtime_error) << "header byte " << at;
    page.data()[at] ^= std::byte{4};
  }
  const posix::Fd empty = posix::make_memory_file("short", 100);
  EXPECT_THROW(SharedMemory{empty.get()}, std::runtime_error);
}

TEST(SharedMemory, ImpossibleSizesAreRefused) {
  EXPECT_THROW(SharedMemory::create({.slots = 0}), std::invalid_argument);
  EXPECT_THROW(SharedMemory::create({.slot_bytes = 1000}), std::invalid_argument);
  EXPECT_THROW(SharedMemory::create({.marks = 0}), std::invalid_argument);
}

TEST(SharedMemory, PartsDoNotOverlapAndSlotsLieOnPages) {
  const posix::Fd fd = SharedMemory::create({.slots = 3, .slot_bytes = 8192, .marks = 200});
  const SharedMemory memory(fd.get());
  const auto address = [](const auto& object) { return reinterpret_cast<std::uintptr_t>(&object); };
  EXPECT_LE(address(memory.mark(199)) + sizeof(Mark), address(memory.slot_generation(0)));
  EXPECT_LE(address(memory.slot_generation(2)) + 8, address(memory.slot(0)[0]));
  for (std::uint32_t slot = 0; slot < 3; ++slot) {
    EXPECT_EQ(memory.slot(slot).size(), 8192U);
    EXPECT_EQ(address(memory.slot(slot)[0]) % 4096, 0U);
  }
  EXPECT_EQ(&memory.slot(1)[0], &memory.slot(0)[0] + 8192);
  memory.slot(2)[8191] = std::byte{1};
}

TEST(SharedMemory, NumbersBeyondTheLastAreRefused) {
  const posix::Fd fd = SharedMemory::create({.slots = 3, .slot_bytes = 4096, .marks = 5});
  const SharedMemory memory(fd.get());
  EXPECT_THROW(memory.mark(5), std::out_of_range);
  EXPECT_THROW(memory.slot(3), std::out_of_range);
  EXPECT_THROW(memory.slot_generation(3), std::out_of_range);
  EXPECT_THROW(memory.incarnation(Role::hasher, kMaxHashers), std::out_of_range);
}

TEST(SharedMemory, EachRoleCountsForItself) {
  const posix::Fd fd = SharedMemory::create({.slots = 1, .slot_bytes = 4096, .marks = 1});
  SharedMemory memory(fd.get());
  const SharedMemory other_process(fd.get());
  memory.count_incarnation(Role::hasher, 15);
  memory.count_incarnation(Role::hasher, 15);
  memory.count_incarnation(Role::receiver);
  EXPECT_EQ(other_process.incarnation(Role::hasher, 15), 2U);
  EXPECT_EQ(other_process.incarnation(Role::receiver), 1U);
  EXPECT_EQ(other_process.incarnation(Role::committer), 0U);
  EXPECT_EQ(other_process.incarnation(Role::hasher, 0), 0U);
}

}  // namespace
}  // namespace dync::ipc
