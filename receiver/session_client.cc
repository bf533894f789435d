#include <utility>

#include "receiver/fingerprint.h"
#include "receiver/session.h"
#include "schema/limits/limits.h"

// What a client says: the half of Session that carries out the rules of session_rules.h.
namespace dync::receiver {
namespace {

Input input_of(const wire::ClientMessage& message) {
  if (std::holds_alternative<wire::PostFile>(message)) return Input::post_file;
  if (std::holds_alternative<wire::PostChunk>(message)) return Input::chunk;
  if (std::holds_alternative<wire::QueryStatus>(message)) return Input::query;
  return Input::error;
}

Send refusal_with(const wire::Refusal& why, const std::optional<Id>& key) {
  return Send{wire::ServerError{static_cast<std::uint32_t>(why.code), why.sentence, key}};
}

}  // namespace

Actions Session::on_message(const wire::ClientMessage& message, Time now) {
  heard_at_ = now;
  gone_at_.reset();
  if (member_) book_.wake(*member_);
  resting_ = false;
  switch (rule_for(state_, input_of(message))) {
    case Rule::open:
      return open(std::get<wire::PostFile>(message), now);
    case Rule::compare:
      return compare(std::get<wire::PostFile>(message));
    case Rule::find:
      return find(now);
    case Rule::take:
      return take(std::get<wire::PostChunk>(message), now);
    case Rule::overrun:
      return end(
          {wire::Code::over_credit, "a chunk came before the file was approved, wait for the approval"},
          true);
    case Rule::status:
      return status(now);
    case Rule::repeat:
      return repeat(now);
    case Rule::give_up:
      return give_up(message);
    case Rule::violate:
    case Rule::refuse:
    case Rule::ignore:
      break;
  }
  return {};
}

Actions Session::on_malformed(const wire::Refusal& why, const std::optional<Id>& key, Time now) {
  heard_at_ = now;
  switch (rule_for(state_, Input::malformed)) {
    case Rule::violate:
      return end(why, true);
    case Rule::refuse:
      return {refusal_with(why, key)};
    default:
      return {};
  }
}

Actions Session::open(const wire::PostFile& post, Time now) {
  if (answers(post)) return {answer()};
  ipc::Open open{0, user_, routing_id_, post.filename, post.metadata, post.options, 0, 0};
  open.chunk_size = post.options ? terms_.chunk_size : terms_.original_chunk_size;
  open.max_queue = post.options ? terms_.max_queue : limits::kOriginalQueue;
  Actions actions;
  if (state_ == State::finding) actions.emplace_back(Withdraw{});
  remember(open);
  upload_ = Id{};
  chunk_seen_ = false;
  positions_ = Positions();
  answer_ = std::monostate{};
  repeated_at_.reset();
  asked_at_ = now;
  state_ = State::opening;
  actions.emplace_back(Ask{std::move(open)});
  return actions;
}

// The upload that has just been finished here, asked for once more: its client has not read the answer yet.
bool Session::answers(const wire::PostFile& post) const {
  return state_ == State::finished && key_ && post.options && post.options->key == *key_ &&
         !post.options->check && same_file(*post.options);
}

Actions Session::compare(const wire::PostFile& post) {
  const ipc::Open open{0, {}, {}, post.filename, post.metadata, post.options, 0, 0};
  if (fingerprint_of(open) != fingerprint_) {
    const auto key = post.options ? std::optional(post.options->key) : std::nullopt;
    return {
        refusal_with({wire::Code::conflict,
                      "this connection is uploading another file, wait for its end or open a new connection"},
                     key)};
  }
  if (state_ == State::opening) return {};
  // After the last chunk one more is let through, so that a client that lost the count can say it again.
  return {approval(state_ == State::finishing ? 1 : book_.tell_credit(*member_), 0)};
}

Actions Session::find(Time now) {
  state_ = State::finding;
  asked_at_ = now;
  return {Find{ipc::Find{0, user_, routing_id_}}};
}

std::optional<wire::Refusal> Session::fault_of(const wire::PostChunk& chunk) const {
  if (chunk.data.size() > chunk_size_) {
    return wire::Refusal{wire::Code::too_large, "the chunk has " + std::to_string(chunk.data.size()) +
                                                    " bytes, send at most " + std::to_string(chunk_size_)};
  }
  if (chunk.seek > kLastPosition - chunk.data.size()) {
    return wire::Refusal{wire::Code::malformed, "the chunk's position " + std::to_string(chunk.seek) +
                                                    " is beyond 256 TiB, no file is that long"};
  }
  if (chunk.data.empty() && !chunk.last) {
    return wire::Refusal{wire::Code::malformed, "the chunk is empty and not the last, send data"};
  }
  if (chunk.last && !chunk.checksum) {
    return wire::Refusal{wire::Code::malformed, "the last chunk has no checksum, add the file's SHA-256"};
  }
  return std::nullopt;
}

Actions Session::take(const wire::PostChunk& chunk, Time now) {
  if (const auto fault = fault_of(chunk)) return end(*fault, true);
  chunk_seen_ = true;
  switch (positions_.fit(chunk.seek)) {
    case Positions::Fit::behind:
      return {};
    case Positions::Fit::ahead:
      return gap(chunk, now);
    case Positions::Fit::next:
      break;
  }
  return take_next(chunk, now);
}

Actions Session::take_next(const wire::PostChunk& chunk, Time now) {
  if (!chunk.data.empty() && book_.has_credit(*member_) && !book_.fits(*member_)) return drop(now);
  if (!book_.take(*member_)) {
    return end({wire::Code::over_credit, "more chunks came than the server gave credit for, wait for credit"},
               true);
  }
  const std::uint64_t offset = positions_.expected();
  const std::uint64_t end_at = offset + chunk.data.size();
  if (declared_size_ && (end_at > *declared_size_ || (chunk.last && end_at != *declared_size_))) {
    return end(
        {wire::Code::refused, "the file was announced with " + std::to_string(*declared_size_) +
                                  " bytes and has another size now, send it again when nobody writes it"},
        true);
  }
  positions_.advance(chunk.data.size());
  positions_.set_gap(false);
  book_.set_gap(*member_, false);
  Actions actions;
  if (chunk.data.empty()) {
    book_.wrote(*member_, 0);
  } else {
    actions.emplace_back(Take{offset});
  }
  if (!chunk.last) return actions;
  book_.close(*member_);
  state_ = State::finishing;
  actions.emplace_back(Complete{end_at, *chunk.checksum});
  return actions;
}

Actions Session::gap(const wire::PostChunk& chunk, Time now) {
  positions_.set_gap(true);
  book_.set_gap(*member_, true);
  // An original keeps its last max_queue chunks, this one among them.
  const std::uint64_t kept = std::uint64_t{max_queue_ - 1} * chunk_size_;
  if (original() && chunk.seek - positions_.expected() > kept) {
    return end({wire::Code::internal, kLostData}, true);
  }
  return positions_.was_reported() ? Actions{} : report(now);
}

// Within its credit, but there is no memory: more than the budget was granted before a restart, or to clients
// that were silent for long.
Actions Session::drop(Time now) {
  positions_.set_gap(true);
  book_.set_gap(*member_, true);
  return positions_.was_reported() ? Actions{} : report(now);
}

Actions Session::report(Time now) {
  positions_.reported(now);
  return {Send{wire::StatusReport{positions_.expected(), book_.tell_credit(*member_)}}};
}

Actions Session::status(Time now) {
  if (state_ == State::finishing) return {Send{wire::TransferCredit{0}}};
  if (original()) return status_of_original(now);
  if (positions_.may_report(now)) return report(now);
  return {Send{wire::TransferCredit{0}}};
}

// It asks when it has no credit left. If all that it was told of has come, it needs nothing but patience.
// Else chunks or grants got lost, and without a gap nobody can tell which: it dies of a report that is not
// the start of a chunk that it has sent. The last chunk that came is one for sure; what it sends again of it
// is dropped.
Actions Session::status_of_original(Time now) {
  if (!chunk_seen_) return nudge();
  if (!book_.may_send(*member_) || !positions_.may_report(now)) return {Send{wire::TransferCredit{0}}};
  if (positions_.gap()) return report(now);
  positions_.reported(now);
  return {Send{wire::StatusReport{positions_.last_start(), book_.tell_credit(*member_) + 1}}};
}

Actions Session::nudge() const {
  const std::uint32_t chunks = book_.nudge(*member_);
  return {Send{wire::TransferCredit{chunks}, chunks, true}};
}

Actions Session::repeat(Time now) {
  if (repeated_at_ && now - *repeated_at_ < limits::kRepeatPause) return {};
  repeated_at_ = now;
  return {answer()};
}

// Its number is told in the sentence only: as a code it would say that the server failed.
Actions Session::give_up(const wire::ClientMessage& message) {
  const auto& error = std::get<wire::ClientError>(message);
  return end({wire::Code::timeout,
              "the client gave up with error " + std::to_string(error.code) + ": " + error.message},
             false);
}

}  // namespace dync::receiver
