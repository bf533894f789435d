#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "receiver/actions.h"
#include "receiver/credit.h"
#include "receiver/positions.h"
#include "receiver/session_rules.h"

namespace dync::receiver {

// What a session is given at its start and keeps, whatever the config says later.
struct SessionTerms {
  std::uint32_t chunk_size = 0;           // bytes, for clients of ours
  std::uint32_t original_chunk_size = 0;  // bytes
  std::uint32_t max_queue = 0;            // chunks, for clients of ours
  std::chrono::seconds idle_timeout{};
};

// Bytes that the client was told to be there are gone.
inline constexpr char kLostData[] = "the server lost data, send the file again";

// One routing id's conversation: a state machine without sockets, clock or files. Each input returns what is
// to be done. The bytes of a chunk stay with the caller. The committer's answers must belong to the last
// question (the caller compares request numbers).
class Session {
 public:
  Session(std::string routing_id, std::string user, const SessionTerms& terms, CreditBook& book, Time now);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // ---- the network ----
  // Who spoke on the routing id. False if it is not the owner: nothing is sent until the owner speaks again.
  bool heard(std::string_view user);
  // A send found that its connection is no more. Counts until it speaks again.
  void connection_gone(Time now);
  bool owner_listens() const noexcept { return owner_listens_; }
  Actions on_message(const wire::ClientMessage& message, Time now);
  // `key`: of a post-file of ours that was malformed elsewhere, for its answer.
  Actions on_malformed(const wire::Refusal& refusal, const std::optional<Id>& key, Time now);

  // ---- the committer ----
  Actions on_opened(const ipc::Opened& opened, Time now);
  Actions on_refused(const wire::Refusal& refusal);  // the file, or nobody knows the upload
  Actions on_receipt(const wire::Receipt& receipt);  // committed, now or before
  // After a restart of the receiver; `written` bytes are there.
  Actions on_restored(const ipc::Restore& restore, std::uint64_t written, Time now);
  Actions on_failed(const wire::Refusal& refusal);  // by the committer: nothing to abort

  // ---- the data path ----
  void on_written(std::uint64_t bytes);             // one of the taken chunks
  Actions on_broken(const wire::Refusal& refusal);  // a write or the sync failed: abort

  // ---- another connection of the same user wants this upload ----
  // The key's guards: another size or time is another file.
  bool same_file(const wire::PostFileOptions& options) const;
  // An original is left alone unless it has been silent for long, or its connection is gone.
  bool may_be_taken_over(Time now) const;
  // The session ends and says why; its upload is parked, or else aborted. One that is complete is left to
  // who takes this session's place.
  Actions give_way(const wire::Refusal& why, bool park);
  // For a session that is opening: goes on where `other`, which is finishing, stood.
  Actions take_place_of(const Session& other);

  // ---- time and credit ----
  Actions on_tick(Time now);
  Actions offer(std::uint32_t chunks);  // the book says that it is this session's turn
  void granted(const Send& sent);       // a Send with a grant was really sent

  State state() const noexcept { return state_; }
  const std::string& routing_id() const noexcept { return routing_id_; }
  const std::string& user() const noexcept { return user_; }
  const Id& upload() const noexcept { return upload_; }
  bool original() const noexcept { return !key_; }
  const std::optional<Id>& key() const noexcept { return key_; }
  const std::string& filename() const noexcept { return filename_; }
  std::uint64_t expected() const noexcept { return positions_.expected(); }
  std::uint32_t chunk_size() const noexcept { return chunk_size_; }  // as given to its client
  std::optional<std::uint64_t> declared_size() const noexcept { return declared_size_; }
  std::optional<CreditBook::Member> member() const noexcept { return member_; }
  bool ended() const noexcept { return state_ == State::finished || state_ == State::failed; }
  bool serves() const noexcept { return state_ == State::receiving || state_ == State::finishing; }

 private:
  using Answer = std::variant<std::monostate, wire::Receipt, wire::Refusal>;

  Actions open(const wire::PostFile& post, Time now);
  bool answers(const wire::PostFile& post) const;
  Actions compare(const wire::PostFile& post);
  Actions find(Time now);
  Actions take(const wire::PostChunk& chunk, Time now);
  Actions take_next(const wire::PostChunk& chunk, Time now);
  Actions gap(const wire::PostChunk& chunk, Time now);
  Actions drop(Time now);
  Actions status(Time now);
  Actions status_of_original(Time now);
  Actions repeat(Time now);
  Actions give_up(const wire::ClientMessage& message);

  std::optional<wire::Refusal> fault_of(const wire::PostChunk& chunk) const;
  Actions report(Time now);
  Actions nudge() const;
  // Ends the upload from our side: whatever is open is withdrawn or aborted, the client is told.
  Actions end(const wire::Refusal& why, bool tell);
  // The end of each: `actions` first, then the client is told if it is to be.
  Actions over(Actions actions, const wire::Refusal& why, bool tell);
  // The same for an upload that stays as a partial.
  Actions park(const wire::Refusal& why, bool tell);
  Actions silent_too_long(Time now);
  Send answer() const;
  Send approval(std::uint32_t credit, std::uint32_t grant) const;
  Send refusal(const wire::Refusal& why) const;
  void remember(const ipc::Open& open);
  void join(bool restored);
  void leave_book();
  CreditTerms credit_terms() const;

  std::string routing_id_;
  std::string user_;
  SessionTerms terms_;
  CreditBook& book_;

  State state_ = State::none;
  bool owner_listens_ = false;
  Time heard_at_;
  Time asked_at_;
  std::optional<Time> gone_at_;
  bool resting_ = false;
  Answer answer_;
  std::optional<Time> repeated_at_;  // the answer, last

  // Of the present upload.
  digest::Digest fingerprint_{};  // of its post-file
  std::optional<Id> key_;         // absent: an original
  std::string filename_;
  std::optional<std::uint64_t> declared_size_;
  std::optional<std::int64_t> mtime_ns_;
  bool with_receipt_ = true;  // also when nobody knows which kind of client asks: an original ignores it
  bool check_ = false;
  std::uint32_t chunk_size_ = 0;
  std::uint32_t max_queue_ = 0;
  std::uint32_t untar_max_members_ = 0;
  Id upload_;
  Positions positions_;
  bool chunk_seen_ = false;
  std::optional<CreditBook::Member> member_;
};

}  // namespace dync::receiver
