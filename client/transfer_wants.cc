#include <algorithm>

#include "client/transfer.h"

// What a transfer wants next, and how it stands.
namespace dync::client {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds kSilence{8000};  // an original's chunk takes so long on the slowest link
constexpr milliseconds kWaiting{
    2000};  // no credit for so long is worth a word; for less it is the normal course

}  // namespace

Time Transfer::silence_over() const {
  return std::max({heard_, asked_, moved_}) +
         (phase_ == Phase::opening ? opening_patience_ : patience_.query);
}

Time Transfer::query_due() const {
  return idle() ? std::min(sent_ + patience_.idle, silence_over()) : silence_over();
}

// The last chunk is empty: neither need the link be known for it nor can it fill the link.
Time Transfer::routine_due() const {
  return sending() && !all_sent() ? pacer_.ask_at() : Time::max();
}

Want Transfer::want(Time now) const {
  using Kind = Want::Kind;
  if (phase_ == Phase::over) return {};
  if (phase_ == Phase::aborting) return {.kind = Kind::error};
  if (phase_ == Phase::comparing)
    return source_waiting_ ? Want{} : Want{.kind = Kind::digest, .seek = upload_.size.value()};
  if (reopen_)
    return now >= reopen_->due ? Want{.kind = Kind::reopen, .fresh_id = reopen_->fresh_id} : Want{};
  if (!connected_) return {};
  if (post_due_) return now >= *post_due_ ? Want{.kind = Kind::post_file} : Want{};
  if (!started()) return {};
  if (ask_ || now >= query_due()) return {.kind = Kind::query_status};
  if (!sending()) return {};
  if (now >= routine_due()) return {.kind = Kind::query_status, .routine = true};
  if (credit_ == 0 || source_waiting_ || !(pacer_.room() || all_sent())) return {};
  // Chunks end at multiples of their size, so that an original gets a repeated one as it was.
  const std::uint32_t size = pacer_.chunk();
  const std::uint64_t bytes = std::min(size - position_ % size, cuts_.most(position_));
  return {.kind = Kind::chunk, .seek = position_, .max_bytes = static_cast<std::uint32_t>(bytes)};
}

Time Transfer::deadline() const {
  if (phase_ == Phase::aborting) return abort_until_;
  if (phase_ == Phase::comparing) return Time::max();
  Time first = heard_ + patience_.give_up;
  if (reopen_) return std::min(first, reopen_->due);
  if (!connected_) return first;
  if (post_due_) return std::min(first, *post_due_);
  first = std::min(first, routine_due());
  return std::min(first, query_due());
}

wire::PostFile Transfer::post_file() const {
  return {upload_.filename, upload_.metadata,
          wire::PostFileOptions{.key = upload_.key,
                                .size = upload_.size,
                                .mtime_ns = upload_.mtime_ns,
                                .check = false,
                                .replaces = upload_.replaces}};
}

wire::ClientError Transfer::error() const {
  const auto* failure = std::get_if<Failure>(&outcome_);
  return {static_cast<std::uint32_t>(wire::Code::malformed), failure ? failure->sentence : std::string()};
}

Stage Transfer::stage(Time now) const noexcept {
  if (finished()) return Stage::over;
  if (phase_ == Phase::comparing) return Stage::verifying;
  if (phase_ == Phase::opening) {
    if (!refused_for_now_.empty()) return Stage::refused_for_now;
    return connected_ ? Stage::asking : (approved() ? Stage::reconnecting : Stage::connecting);
  }
  if (!connected_ || hold_) return Stage::reconnecting;
  if (phase_ == Phase::verifying) return Stage::verifying;
  const auto quiet = now - std::max(heard_, moved_);
  if (pacer_.asking()) return quiet >= kSilence ? Stage::silent : Stage::sending;
  return credit_ == 0 && now - moved_ >= kWaiting ? Stage::waiting : Stage::sending;
}

}  // namespace dync::client
