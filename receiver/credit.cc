#include "receiver/credit.h"

#include <algorithm>
#include <utility>

#include "schema/limits/limits.h"

namespace dync::receiver {

template <typename Change>
void CreditBook::change(Account& account, Change apply) {
  const std::uint64_t before = account.bytes();
  const std::uint64_t held_before = account.held();
  const std::uint64_t promised_before = account.promised();
  const std::uint64_t by_streams_before = account.stream_bytes();
  apply(account);
  used_ = used_ - before + account.bytes();
  held_ = held_ - held_before + account.held();
  promised_ = promised_ - promised_before + account.promised();
  by_streams_ = by_streams_ - by_streams_before + account.stream_bytes();
}

CreditBook::Member CreditBook::join(const CreditTerms& terms) {
  accounts_[++last_].terms = terms;
  return last_;
}

CreditBook::Member CreditBook::rejoin(const CreditTerms& terms) {
  const Member member = join(terms);
  change(accounts_.at(member), [&](Account& account) {
    account.limit = account.told = account.reach = terms.max_queue;
    if (!terms.original) return;
    account.told = account.reach = terms.max_queue - std::min(limits::kOriginalReserve, terms.max_queue);
  });
  return member;
}

void CreditBook::leave(Member member) {
  const auto found = accounts_.find(member);
  if (found == accounts_.end()) return;
  used_ -= found->second.bytes();
  held_ -= found->second.held();
  promised_ -= found->second.promised();
  by_streams_ -= found->second.stream_bytes();
  accounts_.erase(found);
}

// What was delivered in the last one to two spans, and a first window besides, so that it can double in each
// round trip; within the share of the budget that each session can have if all want the same, and within what
// it may queue.
std::uint64_t CreditBook::window(const Account& account) const {
  const CreditTerms& terms = account.terms;
  const std::uint64_t reserve = terms.original ? limits::kOriginalReserve : 0;
  const std::uint64_t queue = terms.max_queue > reserve ? terms.max_queue - reserve : 1;
  const std::uint64_t fair = most(account) / terms.chunk_size / std::max<std::size_t>(1, accounts_.size());
  const std::uint64_t most = limits::kWindow / terms.chunk_size;
  const std::uint64_t grown =
      (limits::kFirstWindow + account.delivered + account.delivered_before) / terms.chunk_size;
  return std::max<std::uint64_t>(1, std::min({queue, fair, most, grown}));
}

std::uint32_t CreditBook::due(const Account& account) const {
  if (account.closed || account.resting) return 0;
  if (account.gap && account.may_send()) return 0;
  const std::uint64_t wide = window(account);
  const std::uint64_t outstanding = account.outstanding();
  if (outstanding >= wide) return 0;
  const std::uint64_t missing = wide - outstanding;
  const std::uint64_t step = std::max<std::uint64_t>(1, wide / 4);
  return missing >= step ? static_cast<std::uint32_t>(missing) : 0;
}

std::uint64_t CreditBook::most(const Account& account) const {
  if (!account.terms.stream) return budget_;
  return std::max<std::uint64_t>(account.terms.chunk_size, std::min(budget_ - budget_ / 4, streams_most_));
}

std::uint64_t CreditBook::room(const Account& account) const {
  std::uint64_t free = budget_ - std::min(budget_, used_);
  if (account.terms.stream) free = std::min(free, most(account) - std::min(most(account), by_streams_));
  return free / account.terms.chunk_size;
}

void CreditBook::queue(Member member, Account& account) {
  if (account.queued) return;
  account.queued = true;
  queue_of(account).push_back({++ticket_, member});
}

std::uint32_t CreditBook::first_offer(Member member) {
  Account& account = accounts_.at(member);
  const auto chunks = static_cast<std::uint32_t>(std::min<std::uint64_t>(due(account), room(account)));
  if (chunks > 0 && is_next(account)) return chunks;
  queue(member, account);
  return 0;
}

void CreditBook::granted(Member member, std::uint32_t chunks) {
  change(accounts_.at(member), [&](Account& account) {
    account.told += chunks;
    account.stretch();
  });
}

bool CreditBook::take(Member member) {
  if (!has_credit(member)) return false;
  Account& account = accounts_.at(member);
  change(account, [](Account& changed) { ++changed.taken; });
  return true;
}

bool CreditBook::has_credit(Member member) const {
  const Account& account = accounts_.at(member);
  return account.taken < account.limit;
}

bool CreditBook::fits(Member member) const {
  return held_ == 0 || held_ + accounts_.at(member).terms.chunk_size <= budget_;
}

void CreditBook::next_span() {
  for (auto& [member, account] : accounts_) account.delivered_before = std::exchange(account.delivered, 0);
}

void CreditBook::wrote(Member member, std::uint64_t bytes) {
  const auto found = accounts_.find(member);
  if (found == accounts_.end()) return;
  change(found->second, [&](Account& account) {
    ++account.written;
    account.delivered += bytes;
  });
  if (due(found->second) > 0) queue(member, found->second);
}

void CreditBook::close(Member member) {
  change(accounts_.at(member), [](Account& account) { account.closed = true; });
}

void CreditBook::set_gap(Member member, bool open) {
  Account& account = accounts_.at(member);
  if (account.gap == open) return;
  account.gap = open;
  if (due(account) > 0) queue(member, account);
}

void CreditBook::rest(Member member) {
  change(accounts_.at(member), [](Account& account) { account.resting = true; });
}

void CreditBook::wake(Member member) {
  Account& account = accounts_.at(member);
  change(account, [](Account& changed) { changed.resting = false; });
  if (due(account) > 0) queue(member, account);
}

std::uint32_t CreditBook::tell_credit(Member member) {
  change(accounts_.at(member), [](Account& account) {
    const std::uint64_t least = std::min(account.limit, account.taken + 1);
    account.told = std::max(account.told, least);
    account.nudges = 0;
    account.stretch();
  });
  const Account& account = accounts_.at(member);
  return static_cast<std::uint32_t>(account.told - account.taken);
}

bool CreditBook::may_send(Member member) const {
  return accounts_.at(member).may_send();
}

std::uint32_t CreditBook::nudge(Member member) const {
  const Account& account = accounts_.at(member);
  const std::uint64_t next = std::max(account.reach, account.told + account.nudges + 1);
  const bool keeps_all = next <= account.written + account.terms.max_queue;
  return account.may_send() && keeps_all ? 1 : 0;
}

void CreditBook::nudged(Member member) {
  Account& account = accounts_.at(member);
  ++account.nudges;
  account.stretch();
}

// Nobody waits who could have the credit now.
bool CreditBook::is_next(const Account& account) {
  for (auto& queue : waiting_) {
    drop_idle(queue);
    if (!queue.empty() && (&queue == &queue_of(account) || !blocked(queue))) return false;
  }
  return true;
}

// Those in front that left, or are due nothing any more.
void CreditBook::drop_idle(std::deque<Turn>& queue) {
  while (!queue.empty()) {
    const auto found = accounts_.find(queue.front().member);
    if (found != accounts_.end() && due(found->second) > 0) return;
    if (found != accounts_.end()) found->second.queued = false;
    queue.pop_front();
  }
}

// The first in a queue waits for room, so that small chunks of others can't pass it for ever.
bool CreditBook::blocked(const std::deque<Turn>& queue) const {
  return room(accounts_.at(queue.front().member)) == 0;
}

std::optional<CreditBook::Offer> CreditBook::next_offer() {
  std::deque<Turn>* next = nullptr;
  for (auto& queue : waiting_) {
    drop_idle(queue);
    if (queue.empty() || blocked(queue)) continue;
    if (!next || queue.front().ticket < next->front().ticket) next = &queue;
  }
  if (!next) return std::nullopt;
  const Member member = next->front().member;
  next->pop_front();
  Account& account = accounts_.at(member);
  account.queued = false;
  // A chunk stays for each of the first that wait, so that nobody's large window takes what they wait for.
  const std::uint64_t free = room(account);
  const std::uint64_t waiting = waiting_[0].size() + waiting_[1].size();
  const std::uint64_t kept = std::min<std::uint64_t>({free, waiting, limits::kFirstWaiting});
  const std::uint64_t most = std::max<std::uint64_t>(1, free - kept);
  return Offer{member, static_cast<std::uint32_t>(std::min<std::uint64_t>(due(account), most))};
}

}  // namespace dync::receiver
