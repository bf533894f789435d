#include "receiver/credit.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <vector>

#include "schema/limits/limits.h"

namespace dync::receiver {
namespace {

using limits::kMiB;
const CreditTerms kOurs{1024 * 1024, 64, false};
const CreditTerms kOriginal{256 * 1024, 100, true};
constexpr std::uint64_t kChunkBytes = 256 * 1024;  // of what is written

// Sends all that is due, as the receiver does each turn.
std::map<CreditBook::Member, std::uint32_t> grant_all(CreditBook& book) {
  std::map<CreditBook::Member, std::uint32_t> sent;
  while (const auto offer = book.next_offer()) {
    book.granted(offer->member, offer->chunks);
    sent[offer->member] += offer->chunks;
  }
  return sent;
}

CreditBook::Member open(CreditBook& book, const CreditTerms& terms) {
  const auto member = book.join(terms);
  const std::uint32_t first = book.first_offer(member);
  if (first > 0) book.granted(member, first);
  return member;
}

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

// Random sessions in random order: the sum is what is out, no limit falls, nothing leaks, nobody starves.
class RandomCredit : public testing::TestWithParam<unsigned> {
 protected:
  struct Seen {
    CreditTerms terms;
    std::uint64_t limit = 0, on_the_way = 0;  // chunks; on_the_way: taken, not written
    bool closed = false, resting = false;
  };

  CreditBook::Member any() {
    auto it = seen_.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random_() % seen_.size()));
    return it->first;
  }
  void join() {
    const CreditTerms terms = random_() % 2 ? kOurs : kOriginal;
    const auto member = random_() % 8 ? open(book_, terms) : book_.rejoin(terms);
    seen_[member] = {terms, book_.limit(member)};
  }
  void step() {
    if (seen_.empty() || random_() % 10 == 0) return join();
    const auto member = any();
    Seen& seen = seen_.at(member);
    switch (random_() % 12) {
      case 0:
        book_.leave(member);
        seen_.erase(member);
        return;
      case 1:
        book_.set_gap(member, random_() % 3 == 0);
        return;
      case 2:
        book_.rest(member);
        seen.resting = true;
        return;
      case 3:
        book_.wake(member);
        seen.resting = false;
        return;
      case 4:
        if (random_() % 4 == 0) {
          book_.close(member);
          seen.closed = true;
        }
        return;
      case 5:
      case 6:
      case 7:
      case 8:
        if (!seen.closed && book_.take(member)) ++seen.on_the_way;
        return;
      default:
        if (seen.on_the_way > 0) {
          book_.wrote(member, kChunkBytes);
          --seen.on_the_way;
        }
    }
  }
  void grant() {
    const std::uint64_t before = book_.used();
    std::uint64_t granted = 0;
    while (const auto offer = book_.next_offer()) {
      if (random_() % 5 == 0) continue;  // the client is gone, nothing was sent
      ASSERT_TRUE(seen_.contains(offer->member)) << "an offer to one that left";
      book_.granted(offer->member, offer->chunks);
      granted += std::uint64_t{offer->chunks} * seen_.at(offer->member).terms.chunk_size;
    }
    EXPECT_EQ(book_.used(), before + granted);
    if (granted > 0) {
      EXPECT_LE(book_.used(), kBudget);
    }
  }
  void check() {
    std::uint64_t out = 0;
    for (auto& [member, seen] : seen_) {
      const std::uint64_t limit = book_.limit(member);
      ASSERT_GE(limit, seen.limit) << "a limit fell";
      ASSERT_GE(limit, book_.taken(member));
      ASSERT_EQ(book_.taken(member) - book_.written(member), seen.on_the_way);
      if (seen.terms.original) {
        ASSERT_LE(limit - book_.written(member), seen.terms.max_queue);
      }
      seen.limit = limit;
      const std::uint64_t taken = book_.taken(member);
      const std::uint64_t may_come = seen.closed ? taken : std::max(taken, book_.told(member));
      const std::uint64_t held = may_come - book_.written(member);
      out += seen.resting ? 0 : held * seen.terms.chunk_size;
    }
    ASSERT_EQ(book_.used(), out);
    ASSERT_EQ(book_.size(), seen_.size());
  }

  static constexpr std::uint64_t kBudget = 24 * kMiB;
  std::mt19937 random_{GetParam()};
  CreditBook book_{kBudget};
  std::map<CreditBook::Member, Seen> seen_;
};

TEST_P(RandomCredit, TheBookBalances) {
  for (int i = 0; i < 3000; ++i) {
    ASSERT_NO_FATAL_FAILURE(step());
    if (i % 7 == 0) {
      ASSERT_NO_FATAL_FAILURE(grant());
    }
    ASSERT_NO_FATAL_FAILURE(check());
  }
  while (!seen_.empty()) {
    book_.leave(seen_.begin()->first);
    seen_.erase(seen_.begin());
  }
  EXPECT_EQ(book_.used(), 0U);
  EXPECT_FALSE(book_.next_offer());
}

// Forty uploads through a budget that holds six chunks: all that obey come to their end.
TEST_P(RandomCredit, EverybodyFinishes) {
  CreditBook book(6 * kMiB);
  std::map<CreditBook::Member, int> left;
  for (int i = 0; i < 40; ++i) left[open(book, random_() % 2 ? kOurs : kOriginal)] = 25;
  std::vector<CreditBook::Member> writing;
  for (int turn = 0; !left.empty(); ++turn) {
    ASSERT_LT(turn, 20000) << left.size() << " uploads starve";
    grant_all(book);
    for (auto& [member, chunks] : left)
      if (chunks > 0 && random_() % 2 && book.take(member)) {
        --chunks;
        writing.push_back(member);
      }
    std::shuffle(writing.begin(), writing.end(), random_);
    for (std::size_t i = writing.size() / 2 + 1; i > 0 && !writing.empty(); --i) {
      book.wrote(writing.back(), kChunkBytes);
      writing.pop_back();
    }
    for (auto it = left.begin(); it != left.end();) {
      const bool done = it->second == 0 && book.written(it->first) == 25;
      if (done) book.leave(it->first);
      it = done ? left.erase(it) : std::next(it);
    }
  }
  EXPECT_EQ(book.used(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomCredit, testing::Range(1U, 21U));

}  // namespace
}  // namespace dync::receiver
