#pragma once

#include <cstdint>
#include <map>

#include "receiver/credit.h"

namespace dync::receiver {

inline const CreditTerms kOurs{1024 * 1024, 64, false};
inline const CreditTerms kOriginal{256 * 1024, 100, true};
inline constexpr std::uint64_t kChunkBytes = 256 * 1024;  // of what is written

// Sends all that is due, as the receiver does each turn.
inline std::map<CreditBook::Member, std::uint32_t> grant_all(CreditBook& book) {
  std::map<CreditBook::Member, std::uint32_t> sent;
  while (const auto offer = book.next_offer()) {
    book.granted(offer->member, offer->chunks);
    sent[offer->member] += offer->chunks;
  }
  return sent;
}

inline CreditBook::Member open(CreditBook& book, const CreditTerms& terms) {
  const auto member = book.join(terms);
  const std::uint32_t first = book.first_offer(member);
  if (first > 0) book.granted(member, first);
  return member;
}

}  // namespace dync::receiver
