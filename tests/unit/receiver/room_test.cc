#include "receiver/room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/limits/limits.h"

namespace dync::receiver {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RoomTest : public testing::Test {
 protected:
  static wire::Id id(unsigned char number) { return wire::Id::uuid4({std::byte{number}}); }
  void sized(unsigned char number, std::uint64_t size, std::uint64_t written = 0) {
    room_.join(id(number), size, written, written);
  }
  void stream(unsigned char number, std::uint64_t written = 0) {
    room_.join(id(number), {}, written, written);
  }
  bool grant(unsigned char number, std::uint64_t bytes) { return room_.grant(id(number), bytes, now_); }
  void wrote(unsigned char number, std::uint64_t bytes) { room_.wrote(id(number), bytes, now_); }
  // Writes as long as there is room, at most so many bytes; how many it wrote.
  std::uint64_t write(unsigned char number, std::uint64_t most, std::uint64_t step = 10) {
    std::uint64_t done = 0;
    for (; done < most && grant(number, step); done += step) wrote(number, step);
    return done;
  }

  Room room_{30s};
  Room::Time now_ = Room::Time(1h);
};

TEST_F(RoomTest, AnUploadOfKnownSizeMayUseAllThatIsFree) {
  room_.measured(100);
  sized(1, 100);
  EXPECT_EQ(write(1, 200), 100U);
  EXPECT_THAT(room_.waiting(), ElementsAre(id(1))) << "more than it announced has no room";
}

TEST_F(RoomTest, AStreamHasOnlyWhatTheOthersLeaveOver) {
  room_.measured(100);
  sized(1, 60);
  stream(2);
  EXPECT_EQ(write(2, 100), 40U);
  EXPECT_TRUE(room_.waits(id(2)));
  EXPECT_EQ(write(1, 60), 60U) << "its room was not given away";
}

TEST_F(RoomTest, WhatIsGrantedIsUsedBeforeItIsWritten) {
  room_.measured(100);
  stream(1);
  stream(2);
  EXPECT_TRUE(grant(1, 60));
  EXPECT_FALSE(grant(2, 60));
  wrote(1, 60);
  EXPECT_FALSE(grant(2, 60)) << "the measurement is older than the write";
  room_.measured(60);
  EXPECT_TRUE(grant(2, 40));
}

TEST_F(RoomTest, AllocatedBlocksAreNotCountedTwice) {
  room_.measured(100);
  sized(1, 60);
  stream(2);
  EXPECT_TRUE(room_.fits_whole(id(1)));
  room_.allocated(id(1));
  EXPECT_EQ(room_.left_over(), 40U);
  room_.measured(40);
  EXPECT_EQ(room_.left_over(), 40U);
  EXPECT_EQ(write(1, 60), 60U);
  EXPECT_EQ(room_.left_over(), 40U);
  room_.measured(0);
  EXPECT_FALSE(room_.fits_whole(id(2)));
}

TEST_F(RoomTest, BlocksThatARestartFindsCount) {
  room_.join(id(1), 100, 20, 0);
  room_.found(id(1), 100);
  room_.measured(0);
  EXPECT_EQ(write(1, 80), 80U);
  EXPECT_THAT(room_.waiting(), IsEmpty());
}

TEST_F(RoomTest, WhenAStrangerFillsTheDiskTheOldestThatCanFinishGoesOn) {
  room_.measured(300);
  sized(1, 100);
  sized(2, 50);
  sized(3, 50);
  room_.measured(60);  // somebody else took the rest
  EXPECT_EQ(write(1, 100), 10U) << "what is left when 2 has finished";
  EXPECT_EQ(write(3, 50), 0U);
  EXPECT_EQ(write(2, 50), 50U);
  EXPECT_THAT(room_.waiting(), ElementsAre(id(1), id(3)));
  room_.leave(id(2), now_);
  room_.measured(140);
  EXPECT_EQ(write(1, 90), 90U);
  EXPECT_EQ(write(3, 50), 50U);
  EXPECT_THAT(room_.waiting(), IsEmpty());
}

TEST_F(RoomTest, OfThoseThatCantFinishTheOldestGoesFirst) {
  sized(1, 100);
  sized(2, 100);
  room_.measured(50);
  EXPECT_EQ(write(2, 100), 0U);
  EXPECT_EQ(write(1, 100), 50U);
}

TEST_F(RoomTest, TheLastPartIsForOneStreamAtATime) {
  room_.measured(400);
  stream(1);
  stream(2);
  for (int round = 0; round < 100; ++round) {
    now_ += 100ms;
    write(1, 10);
    write(2, 10);
  }
  EXPECT_EQ(room_.left_over(), 0U);
  EXPECT_GE(write(1, 10), 0U);
  room_.leave(id(2), now_);
  room_.measured(1000);
  EXPECT_EQ(write(1, 10), 10U);
}

TEST_F(RoomTest, TheFavouriteGetsThreeQuartersAtLeastAndTheOtherAtMostHalf) {
  room_.measured(400);
  stream(1);
  stream(2);
  std::uint64_t first = 0, second = 0;
  for (int round = 0; round < 100; ++round) {
    first += write(1, 10);
    second += write(2, 10);
  }
  EXPECT_EQ(first + second, 400U);
  EXPECT_EQ(first, 250U);
  EXPECT_EQ(second, 150U) << "half of three quarters";
}

TEST_F(RoomTest, AnIdleFavouriteMakesWay) {
  room_.measured(400);
  stream(1);
  stream(2);
  EXPECT_EQ(write(1, 310), 310U) << "the favourite";
  EXPECT_EQ(write(2, 10), 0U);
  now_ += limits::kRoomFavour + 1ms;
  EXPECT_EQ(write(2, 50), 50U);
  EXPECT_EQ(write(1, 10), 0U);
}

TEST_F(RoomTest, ARefusalOfTheDiskItselfIsAPauseToo) {
  room_.measured(100);
  stream(1);
  EXPECT_TRUE(grant(1, 10));
  EXPECT_TRUE(grant(1, 10));
  room_.refused(id(1), now_);
  EXPECT_TRUE(room_.waits(id(1)));
  EXPECT_EQ(room_.available(), 100U) << "nothing is granted any more";
  EXPECT_TRUE(grant(1, 10));
  EXPECT_TRUE(room_.waits(id(1))) << "until something is written";
  wrote(1, 10);
  EXPECT_FALSE(room_.waits(id(1)));
}

TEST_F(RoomTest, StuckIsWhoeverWaitsWhileNobodyGoesOn) {
  room_.measured(0);
  stream(1);
  EXPECT_FALSE(room_.stuck(now_ + 1h)) << "nobody waits";
  grant(1, 10);
  now_ += 29s;
  EXPECT_FALSE(room_.stuck(now_));
  sized(2, 5, 0);
  room_.measured(5);
  EXPECT_EQ(write(2, 5, 5), 5U);
  now_ += 29s;
  EXPECT_FALSE(room_.stuck(now_)) << "another one went on";
  now_ += 1s;
  EXPECT_EQ(room_.stuck(now_), 10U);
  EXPECT_FALSE(room_.stuck(now_)) << "told once";
  now_ += 30s;
  EXPECT_TRUE(room_.stuck(now_));
}

TEST_F(RoomTest, TheYoungestStreamGivesWayButNeverTheOldestNorOneOfKnownSize) {
  room_.measured(0);
  stream(1, 10);
  EXPECT_FALSE(room_.victim());
  grant(1, 10);
  EXPECT_FALSE(room_.victim()) << "it would give way to nobody";
  stream(2, 10);
  grant(2, 10);
  stream(3);
  grant(3, 10);
  EXPECT_EQ(room_.victim(), id(2)) << "3 has nothing that it could give";
  room_.leave(id(2), now_);
  EXPECT_EQ(room_.victim(), id(3));
  room_.leave(id(3), now_);
  EXPECT_FALSE(room_.victim());
  sized(4, 100);
  grant(4, 10);
  EXPECT_EQ(room_.victim(), id(1)) << "one of known size was promised its room";
  room_.leave(id(1), now_);
  EXPECT_FALSE(room_.victim());
}

TEST_F(RoomTest, ManyStreamsThatDontFitTogetherFinishOneAfterAnother) {
  // 20 of 60 bytes on 600, and whoever is complete is taken away.
  std::uint64_t on_disk = 0;
  std::vector<std::uint64_t> written(21);
  for (unsigned char number = 1; number <= 20; ++number) stream(number);
  int finished = 0;
  for (int round = 0; round < 1000 && finished < 20; ++round) {
    now_ += 250ms;
    for (unsigned char number = 1; number <= 20; ++number) {
      if (written[number] == 60) continue;
      room_.measured(600 - on_disk);
      const std::uint64_t more = write(number, 10);
      written[number] += more;
      on_disk += more;
      if (written[number] < 60) continue;
      room_.leave(id(number), now_);
      on_disk -= 60;
      ++finished;
    }
  }
  EXPECT_EQ(finished, 20);
}

}  // namespace
}  // namespace dync::receiver
