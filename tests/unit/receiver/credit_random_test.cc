#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <vector>

#include "receiver/credit.h"
#include "schema/limits/limits.h"
#include "tests/unit/receiver/credit_fixture.h"

namespace dync::receiver {
namespace {

using limits::kMiB;

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
