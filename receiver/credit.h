#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

// The book of credit: how many chunks each session may have on the way, and the budget of bytes that bounds
// them all. Pure. A session's limit is absolute (chunks since it was opened or restored) and never falls.
// Credit comes back when a chunk is written, never on receipt. A window begins small and grows with what was
// written of late, so a slow client does not hoard.
namespace dync::receiver {

struct CreditTerms {
  std::uint32_t chunk_size = 0;  // bytes; each chunk counts as one of this size until it is written
  std::uint32_t max_queue = 0;   // chunks
  bool original = false;         // its limit stays kOriginalReserve below max_queue
  bool stream = false;           // its size is not known
};

class CreditBook {
 public:
  using Member = std::uint64_t;

  explicit CreditBook(std::uint64_t budget) : budget_(budget), streams_most_(budget) {}

  // From now on streams get no more credit together than this, which the disk has room for, and never the
  // last quarter of the budget: when the disk is full they wait with what they have sent, and those of known
  // size, which have their room, must not wait for them. What was granted before stays.
  void allow_streams(std::uint64_t bytes) { streams_most_ = bytes; }

  Member join(const CreditTerms& terms);
  // After a restart of the receiver: whatever the last one granted lies within max_queue chunks of the
  // written mark, so this is the limit, even over the budget.
  Member rejoin(const CreditTerms& terms);
  void leave(Member member);

  // Credit for an approval: what is due now, 0 while others wait. It counts after granted().
  std::uint32_t first_offer(Member member);
  // A grant was sent. Only then it counts.
  void granted(Member member, std::uint32_t chunks);

  // A chunk came at the expected position: false if it is beyond the limit.
  bool take(Member member);
  bool has_credit(Member member) const;
  // Whether there is memory for one more chunk. Only more than the budget was granted if limits were restored
  // or silent sessions came back.
  bool fits(Member member) const;
  // One of the taken chunks, of so many bytes, is written.
  void wrote(Member member, std::uint64_t bytes);
  // limits::kDeliverySpan has passed: what was written before the last span counts no more.
  void next_span();
  // The last chunk came: what is left of the limit goes back to the budget.
  void close(Member member);
  // No grants while a gap is open and there is credit left to fill it with.
  void set_gap(Member member, bool open);
  // A silent session's share goes back to the budget, its limit stays; it counts again when it speaks.
  void rest(Member member);
  void wake(Member member);

  // Chunks that the client is told it may send from the expected position: what it was told before, but not
  // nothing while its limit allows one.
  std::uint32_t tell_credit(Member member);
  // The client was told of more chunks than came.
  bool may_send(Member member) const;
  // For an original that asks before any of its chunks came: it has used what it was granted, or has not
  // heard of it. One chunk more shows where it is; that is no new credit, for what was lost is still in its
  // limit. 0 if it was granted nothing, or might have to keep more chunks than it can. It counts after
  // nudged().
  std::uint32_t nudge(Member member) const;
  void nudged(Member member);

  // Whose turn it is and how many chunks, or nothing if nobody is due or the budget is out. The member leaves
  // the queue; it comes back by wrote() or wake(), so a failed send needs no other word.
  struct Offer {
    Member member;
    std::uint32_t chunks;
  };
  std::optional<Offer> next_offer();

  std::uint64_t used() const noexcept { return used_; }  // bytes granted and not yet written
  std::uint64_t held() const noexcept { return held_; }  // bytes taken and not yet written
  // What clients of streams were told that they may send, and is not written.
  std::uint64_t promised() const noexcept { return promised_; }
  std::uint64_t window_of(Member member) const { return window(accounts_.at(member)); }  // chunks
  std::uint64_t limit(Member member) const { return accounts_.at(member).limit; }
  std::uint64_t told(Member member) const { return accounts_.at(member).told; }
  std::uint64_t taken(Member member) const { return accounts_.at(member).taken; }
  std::uint64_t written(Member member) const { return accounts_.at(member).written; }
  std::size_t size() const noexcept { return accounts_.size(); }

 private:
  struct Account {
    CreditTerms terms;
    std::uint64_t limit = 0;  // chunks, all; written <= taken <= limit
    std::uint64_t taken = 0;
    std::uint64_t written = 0;
    std::uint64_t delivered = 0, delivered_before = 0;  // bytes written in this span and in the one before
    std::uint64_t told = 0;  // the limit as the client knows it; below it for a restored original only
    // One more chunk each, since the last absolute statement. What was granted before may still be on its way
    // to the client: then both arrive, so they count on top of it.
    std::uint64_t nudges = 0;
    std::uint64_t reach = 0;  // chunks that an original may have sent
    bool closed = false, gap = false, resting = false, queued = false;

    void stretch() {
      limit = std::max(limit, told + nudges);
      reach = std::max(reach, told + nudges);
    }
    bool may_send() const { return told > taken; }
    std::uint64_t outstanding() const { return std::max(taken, closed ? taken : told) - written; }
    std::uint64_t held() const { return (taken - written) * terms.chunk_size; }
    std::uint64_t bytes() const { return resting ? 0 : outstanding() * terms.chunk_size; }
    std::uint64_t promised() const { return terms.stream ? outstanding() * terms.chunk_size : 0; }
    std::uint64_t stream_bytes() const { return terms.stream ? bytes() : 0; }
  };

  struct Turn {
    std::uint64_t ticket;  // who came first has the lower one
    Member member;         // may have left
  };

  // Changes an account and keeps the sum in step.
  template <typename Change>
  void change(Account& account, Change apply);
  std::uint64_t window(const Account& account) const;
  std::uint32_t due(const Account& account) const;
  std::uint64_t most(const Account& account) const;  // bytes for all of its kind
  std::uint64_t room(const Account& account) const;  // chunks of its size
  bool is_next(const Account& account);
  std::deque<Turn>& queue_of(const Account& account) { return waiting_[account.terms.stream ? 1 : 0]; }
  void drop_idle(std::deque<Turn>& queue);
  bool blocked(const std::deque<Turn>& queue) const;
  void queue(Member member, Account& account);

  std::uint64_t budget_;
  std::uint64_t streams_most_;
  std::uint64_t used_ = 0, held_ = 0, promised_ = 0, by_streams_ = 0;
  Member last_ = 0;
  std::unordered_map<Member, Account> accounts_;
  std::uint64_t ticket_ = 0;
  std::array<std::deque<Turn>, 2> waiting_;  // those of known size, and streams
};

}  // namespace dync::receiver
