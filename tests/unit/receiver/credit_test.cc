#include "receiver/credit.h"

#include <gtest/gtest.h>
#include <vector>

#include "schema/limits/limits.h"
#include "tests/unit/receiver/credit_fixture.h"

namespace dync::receiver {
namespace {

using limits::kMiB;

// As fast as the server takes it, until the window has grown as far as it can.
CreditBook::Member open_fast(CreditBook& book, const CreditTerms& terms) {
  const auto member = open(book, terms);
  for (int i = 0; i < 500; ++i) {
    EXPECT_TRUE(book.take(member));
    book.wrote(member, terms.chunk_size);
    grant_all(book);
  }
  return member;
}

std::uint64_t outstanding(const CreditBook& book, CreditBook::Member member) {
  return book.limit(member) - book.written(member);
}

TEST(Credit, TheFirstWindowIsSmall) {
  CreditBook book(256 * kMiB);
  const auto member = open(book, kOurs);
  EXPECT_EQ(book.limit(member), limits::kFirstWindow / kOurs.chunk_size);
  EXPECT_EQ(book.used(), limits::kFirstWindow);
}

TEST(Credit, AWindowGrowsWithWhatIsWrittenUpToItsBound) {
  CreditBook book(256 * kMiB);
  const auto member = open_fast(book, kOurs);
  EXPECT_EQ(book.window_of(member), limits::kWindow / kOurs.chunk_size);
  EXPECT_LE(book.used(), limits::kWindow);
  EXPECT_GE(book.used(), limits::kWindow * 3 / 4);
}

TEST(Credit, AWindowDoublesInEachRoundTripAtFirst) {
  CreditBook book(256 * kMiB);
  const auto member = open(book, kOurs);
  for (std::uint64_t wide = 4; wide < 32; wide *= 2) {
    ASSERT_EQ(outstanding(book, member), wide);
    for (std::uint64_t i = 0; i < wide; ++i) ASSERT_TRUE(book.take(member));
    for (std::uint64_t i = 0; i < wide; ++i) book.wrote(member, kOurs.chunk_size);
    grant_all(book);
  }
}

TEST(Credit, SmallChunksGrowASmallWindow) {
  CreditBook book(256 * kMiB);
  const auto member = open(book, kOurs);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(book.take(member));
    book.wrote(member, 16 * 1024);
    grant_all(book);
  }
  EXPECT_EQ(book.window_of(member), 5U) << "100 chunks, but only 1.6 MiB";
}

TEST(Credit, AWindowShrinksWhenNothingComes) {
  CreditBook book(256 * kMiB);
  const auto member = open_fast(book, kOurs);
  book.next_span();
  EXPECT_EQ(book.window_of(member), 32U) << "what came in the span before still counts";
  book.next_span();
  EXPECT_EQ(book.window_of(member), limits::kFirstWindow / kOurs.chunk_size);
}

TEST(Credit, WhileOthersWaitALargeWindowLeavesAChunkForEach) {
  CreditBook book(8 * kMiB);
  const CreditTerms large{1024 * 1024, 8, false};
  const auto fast = open_fast(book, large);
  std::vector<CreditBook::Member> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(open(book, kOurs));
  while (book.take(fast)) book.wrote(fast, large.chunk_size);
  const auto sent = grant_all(book);
  for (const auto member : waiting) EXPECT_GE(sent.at(member), 1U);
}

TEST(Credit, MoreThanTheBudgetIsTakenByNobodyAtOnce) {
  CreditBook book(2 * kMiB);
  const auto first = book.rejoin(kOurs);
  const auto second = book.rejoin(kOurs);
  EXPECT_TRUE(book.fits(first));
  ASSERT_TRUE(book.take(first));
  ASSERT_TRUE(book.take(first));
  EXPECT_FALSE(book.fits(second)) << "restored limits go beyond the budget, the memory does not";
  book.wrote(first, kMiB);
  EXPECT_TRUE(book.fits(second));
  book.leave(first);
  EXPECT_EQ(book.held(), 0U);
}

TEST(Credit, AnOriginalStaysBelowItsQueueByTheReserve) {
  CreditBook book(256 * kMiB);
  const auto member = open_fast(book, kOriginal);
  EXPECT_EQ(book.window_of(member), 84U);
  EXPECT_LE(outstanding(book, member), 84U);
}

TEST(Credit, BeyondTheLimitNothingIsTaken) {
  CreditBook book(256 * kMiB);
  const auto member = open(book, {1024 * 1024, 2, false});
  EXPECT_TRUE(book.take(member));
  EXPECT_TRUE(book.take(member));
  EXPECT_FALSE(book.take(member));
}

TEST(Credit, ReceiptBringsNothingBackAndWritingBringsItInQuarters) {
  CreditBook book(256 * kMiB);
  const auto member = open_fast(book, kOurs);
  while (book.used() < limits::kWindow) {  // up to the full window
    ASSERT_TRUE(book.take(member));
    book.wrote(member, kChunkBytes);
    grant_all(book);
  }
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(book.take(member));
  EXPECT_TRUE(grant_all(book).empty());
  for (int i = 0; i < 7; ++i) book.wrote(member, kChunkBytes);
  EXPECT_TRUE(grant_all(book).empty()) << "less than a quarter of the window is not worth a message";
  book.wrote(member, kChunkBytes);
  EXPECT_EQ(grant_all(book)[member], 8U);
}

TEST(Credit, AGrantThatWasNotSentDoesNotCount) {
  CreditBook book(256 * kMiB);
  const auto member = book.join(kOurs);
  EXPECT_GT(book.first_offer(member), 0U);
  EXPECT_FALSE(book.take(member));
  EXPECT_EQ(book.used(), 0U);
}

TEST(Credit, WithoutBudgetANewcomerWaitsAndGetsItsTurn) {
  CreditBook book(2 * kMiB);
  const auto first = open(book, {1024 * 1024, 2, false});
  const auto second = open(book, kOurs);
  const auto third = open(book, kOurs);
  EXPECT_EQ(book.limit(first), 2U);
  EXPECT_EQ(book.limit(second), 0U);
  EXPECT_TRUE(grant_all(book).empty());
  ASSERT_TRUE(book.take(first));
  book.wrote(first, kChunkBytes);
  const auto sent = grant_all(book);
  EXPECT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent.at(second), 1U) << "the first in the queue comes first";
  book.leave(first);
  EXPECT_EQ(grant_all(book).at(third), 1U);
}

TEST(Credit, NoGrantsWhileAGapIsOpenUnlessThereIsNothingToFillItWith) {
  CreditBook book(256 * kMiB);
  const auto member = open_fast(book, kOriginal);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(book.take(member));
  book.set_gap(member, true);
  for (int i = 0; i < 50; ++i) book.wrote(member, kChunkBytes);
  EXPECT_TRUE(grant_all(book).empty());
  book.set_gap(member, false);
  EXPECT_GE(grant_all(book)[member], 50U);

  const std::uint64_t left = outstanding(book, member);
  for (std::uint64_t i = 0; i < left; ++i) ASSERT_TRUE(book.take(member));
  book.set_gap(member, true);
  for (int i = 0; i < 41; ++i) book.wrote(member, kChunkBytes);
  EXPECT_GT(grant_all(book)[member], 0U);
}

TEST(Credit, AfterARestartTheLimitIsTheQueueAndTheReserveIsNotTold) {
  CreditBook book(256 * kMiB);
  const auto member = book.rejoin(kOriginal);
  EXPECT_EQ(book.limit(member), 100U);
  EXPECT_EQ(book.told(member), 84U);
  EXPECT_EQ(book.used(), 84 * kOriginal.chunk_size) << "what nobody was told of is not out";
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(book.nudge(member), 1U);
    book.nudged(member);
  }
  EXPECT_EQ(book.limit(member), 100U) << "nudges come out of what was never told";
  EXPECT_EQ(book.nudge(member), 0U);
}

TEST(Credit, RestoredOriginalsThatUsedTheirCreditGetMore) {
  CreditBook book(256 * kMiB);
  std::vector<CreditBook::Member> members;
  for (int i = 0; i < 101; ++i) members.push_back(book.rejoin(kOriginal));
  for (const auto member : members) {
    for (int i = 0; i < 84; ++i) ASSERT_TRUE(book.take(member));
    for (int i = 0; i < 84; ++i) book.wrote(member, kOriginal.chunk_size);
  }
  EXPECT_EQ(book.used(), 0U);
  EXPECT_EQ(grant_all(book).size(), members.size());
}

TEST(Credit, AGrantThatCrossesANudgeIsWithinTheLimit) {
  CreditBook book(256 * kMiB);
  const auto member = book.join(kOriginal);
  book.granted(member, 1);
  ASSERT_EQ(book.nudge(member), 1U);
  book.nudged(member);
  EXPECT_EQ(book.used(), kOriginal.chunk_size) << "a nudge is no new credit";
  EXPECT_TRUE(book.take(member));
  EXPECT_TRUE(book.take(member));
  EXPECT_FALSE(book.take(member));
}

TEST(Credit, WhoWasGrantedNothingIsNotNudged) {
  CreditBook book(0);
  const auto member = open(book, kOriginal);
  EXPECT_EQ(book.nudge(member), 0U);
}

TEST(Credit, ANudgeUsesTheReserveAndNoMore) {
  CreditBook book(256 * kMiB);
  const auto member = open(book, kOriginal);
  std::uint32_t nudges = 0;
  while (book.nudge(member) > 0 && nudges < 1000) {
    book.nudged(member);
    ++nudges;
  }
  EXPECT_EQ(book.limit(member), kOriginal.max_queue) << "never more than it keeps";
  EXPECT_GE(nudges, limits::kOriginalReserve);
}

TEST(Credit, ASilentSessionLendsItsShareAndKeepsItsLimit) {
  CreditBook book(2 * kMiB);
  const auto silent = open(book, {1024 * 1024, 2, false});
  const auto waiting = open(book, kOurs);
  book.rest(silent);
  EXPECT_GT(grant_all(book)[waiting], 0U);
  EXPECT_TRUE(book.take(silent));
  book.wake(silent);
  EXPECT_GT(book.used(), 2 * kMiB);
  EXPECT_TRUE(grant_all(book).empty()) << "over the budget nobody gets more";
}

}  // namespace
}  // namespace dync::receiver
