#include "client/transfer.h"

#include <algorithm>
#include <utility>

#include "client/sentences.h"

namespace dync::client {

using std::chrono::milliseconds;

namespace {

constexpr std::uint32_t kMostAgain = 50;  // post-files after an approval, without progress between
constexpr milliseconds kAbortTime = limits::kLinger;
constexpr milliseconds kSilence{8000};  // an original's chunk takes so long on the slowest link
constexpr milliseconds kWaiting{
    2000};  // no credit for so long is worth a word; for less it is the normal course

}  // namespace

Transfer::Transfer(Upload upload, Patience patience, Start start, Time now)
    : upload_(std::move(upload)),
      patience_(patience),
      connected_(start.connected),
      ours_(start.ours),
      used_(start.shared),
      echo_required_(start.ours && start.shared),
      post_due_(now),
      attempts_(start.connected ? 1 : 0),
      opening_patience_(patience.query),
      heard_(now),
      asked_(now),
      sent_(now),
      moved_(now),
      abort_until_(now),
      pacer_(start.rate) {}

// ---- what happened ----

void Transfer::message(const wire::ServerMessage& message, Time now) {
  if (finished() || late(message)) return;
  std::visit([&](const auto& each) { on(each, now); }, message);
}

// Whether it is, or may be, the answer to something earlier than the post-file that is unanswered.
bool Transfer::late(const wire::ServerMessage& message) const {
  if (!echo_required_) return false;
  if (std::holds_alternative<wire::UploadFinished>(message)) return false;  // has a name of its own
  if (const auto* error = std::get_if<wire::ServerError>(&message)) return error->key != upload_.key;
  const auto* approved = std::get_if<wire::UploadApproved>(&message);
  return approved == nullptr || !approved->options;
}

void Transfer::heard(Time now) {
  heard_ = now;
  unanswered_ = 0;
}

void Transfer::rewind(std::uint64_t seek, std::uint32_t credit) {
  phase_ = Phase::sending;
  position_ = seek;
  credit_ = credit;
  hold_ = ask_ = source_waiting_ = refused_for_now_ = false;
  pause_ = milliseconds{0};
  pacer_.rewind(seek);
  questions_.outdate(seek);
}

void Transfer::on(const wire::UploadApproved& approved, Time now) {
  if (approved.options ? approved.options->key != upload_.key : ours_ || phase_ != Phase::opening) return;
  const std::uint64_t seek = approved.options ? approved.options->seek : 0;
  if (approved.chunk_size == 0) {
    return fail("the server allows chunks of 0 bytes: it is no usable dync server", now);
  }
  if (seek > upload_.size.value_or(high_)) {
    return fail("the server says it has more of the file than there is", now);
  }
  heard(now);
  echo_required_ = false;
  post_open_ = false;
  post_due_.reset();
  if (approved.options) {
    ours_ = true;
    upload_id_ = approved.options->upload_id;
  }
  chunk_size_ = std::min(approved.chunk_size, limits::kLargestChunk);
  max_queue_ = std::max<std::uint32_t>(approved.max_queue, 1);
  high_ = std::max(high_, seek);
  pacer_.allow(chunk_size_, ours_);
  questions_.forget();
  rewind(seek, approved.credit);
}

void Transfer::on(const wire::TransferCredit& credit, Time now) {
  if (!started()) return;
  heard(now);
  credit_ += credit.amount;
  if (credit.amount > 0) {
    again_ = 0;
  } else {
    nothing_new(now);
  }
}

// The answer to a query-status for a position that the server told before and won't tell twice in 25 s. If it
// was told into a lost connection, or more has been sent since and got lost, the same post-file again brings
// it.
void Transfer::nothing_new(Time now) {
  const auto question = questions_.unchanged();
  if (!ours_ || ask_) return;
  const bool lost = question && !question->after_last && question->position > pacer_.confirmed();
  if (hold_ || lost) post_again(now);
}

void Transfer::on(const wire::StatusReport& report, Time now) {
  if (!started()) return;
  if (report.seek > high_) return fail("the server says it has more of the file than was ever sent", now);
  heard(now);
  again_ = 0;
  const auto [kind, question] = questions_.report(report.seek);
  if (hold_ || kind == Questions::Reply::Kind::rewind) return rewind(report.seek, report.credit);
  if (kind == Questions::Reply::Kind::outdated) return;
  const std::uint64_t since = chunks_ - question.chunks;
  credit_ = report.credit > since ? report.credit - since : 0;
  pacer_.arrived(report.seek, question.at, now);
}

void Transfer::on(const wire::UploadFinished& finished, Time now) {
  const bool named = !upload_id_.empty();
  if (named ? finished.upload_id != upload_id_.hex() : !started()) return;
  heard(now);
  if (!digest_) return fail("the server says the upload is finished before all of it was sent", now);
  const auto& receipt = finished.receipt;
  if (receipt && (receipt->sha256 != *digest_ || receipt->size != high_)) {
    return end(
        Failure{0, "the server stored something else than what was sent: its checksum or size differs"});
  }
  end(Stored{finished.upload_id, receipt});
}

void Transfer::on(const wire::ServerError& error, Time now) {
  if (error.key && *error.key != upload_.key) return;
  if (retried(error, now)) return;
  heard(now);
  if (!ours_ && phase_ == Phase::verifying && !error.key && error.message == kOriginalForgot) {
    return end(Failure{error.code,
                       "the connection broke just before the server's answer: it no longer knows the upload. "
                       "The file may have arrived: look on the server before you send it again"});
  }
  end(Failure{error.code, sentence_of(error)});
}

// Whether an error of the server is one after which the same upload is asked for again.
bool Transfer::retried(const wire::ServerError& error, Time now) {
  const bool stopping = error.code == static_cast<std::uint32_t>(wire::Code::stopping);
  if (stopping && phase_ == Phase::opening) {
    refused_for_now_ = true;
    post_again(now + next_pause());
    return true;
  }
  const bool lost = error.code == static_cast<std::uint32_t>(wire::Code::unknown);
  // A post-file is never answered so: it is a late word of the session before.
  if (lost && (ours_ || error.key) && phase_ == Phase::opening) {
    post_again(now + next_pause());
    return true;
  }
  if (!ours_ || !started() || again_ >= kMostAgain) return false;
  // Its session is over or the routing id is somebody else's: the key finds the upload.
  const bool foreign = error.code == static_cast<std::uint32_t>(wire::Code::forbidden);
  if (!lost && !foreign) return false;
  heard(now);
  ++again_;
  post_again(now);
  if (foreign) open_again(now, true);
  return true;
}

void Transfer::post_again(Time due) {
  phase_ = Phase::opening;
  post_due_ = due;
  hold_ = ask_ = false;
  unanswered_ = 0;
}

void Transfer::connection_ready(Time now) {
  connected_ = true;
  ++attempts_;
  pacer_.restart(position_);
  questions_.forget();
  if (started()) hold_ = ask_ = true;
  if (phase_ == Phase::opening && !post_due_) post_due_ = now;
}

void Transfer::connection_lost(Time now) {
  if (!connected_) return;
  connected_ = false;
  unanswered_ = 0;
  if (started()) {
    hold_ = true;
    asked_ = now;
  }
  // Whether the post-file arrived is unknown. An original would refuse a second one on this routing id.
  if (phase_ == Phase::opening && !post_due_) open_again(now + next_pause(), true);
}

milliseconds Transfer::next_pause() {
  const milliseconds pause = pause_;
  pause_ =
      std::min<milliseconds>(std::max<milliseconds>(pause_ * 2, limits::kRetryFirst), limits::kRetryMost);
  return std::max<milliseconds>(pause, limits::kRetryFirst);
}

void Transfer::open_again(Time due, bool fresh_id) {
  reopen_ = Reopen{due, fresh_id};
}

void Transfer::sent(const Want& want, Time now) {
  sent_ = now;
  switch (want.kind) {
    case Want::Kind::post_file:
      post_due_.reset();
      post_open_ = true;
      asked_ = now;
      echo_required_ = ours_ && used_;
      used_ = true;
      break;
    case Want::Kind::query_status:
      questions_.ask({position_, chunks_, phase_ == Phase::verifying, now});
      pacer_.asked(now);
      if (want.routine) break;
      ask_ = false;
      asked_ = now;
      ++unanswered_;
      break;
    case Want::Kind::error:
      phase_ = Phase::over;
      break;
    case Want::Kind::reopen:
      reopen_.reset();
      connected_ = false;
      if (want.fresh_id) used_ = echo_required_ = false;
      unanswered_ = 0;
      asked_ = now;
      if (started()) hold_ = true;
      break;
    case Want::Kind::chunk:
    case Want::Kind::nothing:
      break;
  }
}

void Transfer::sent_chunk(std::uint64_t seek, std::size_t bytes, std::optional<digest::Digest> last,
                          Time now) {
  sent_ = moved_ = now;
  position_ = seek + bytes;
  high_ = std::max(high_, position_);
  --credit_;
  ++chunks_;
  cuts_.sent(position_);
  pacer_.sent(position_, now);
  if (!last) return;
  digest_ = last;
  phase_ = Phase::verifying;
}

void Transfer::source_waits() {
  source_waiting_ = true;
}
void Transfer::source_ready() {
  source_waiting_ = false;
}

void Transfer::end(std::variant<Stored, Failure> outcome) {
  if (phase_ == Phase::opening) post_open_ = false;  // this was its answer
  outcome_ = std::move(outcome);
  phase_ = Phase::over;
}

void Transfer::fail(std::string sentence, Time now) {
  if (finished()) return;
  const bool server_knows = started() || (phase_ == Phase::opening && !post_due_);
  end(Failure{0, std::move(sentence)});
  gave_up_ = true;
  if (!server_knows || !connected_) return;
  phase_ = Phase::aborting;
  abort_until_ = now + kAbortTime;
}

void Transfer::tick(Time now) {
  if (phase_ == Phase::over) return;
  if (phase_ == Phase::aborting) {
    if (now >= abort_until_) phase_ = Phase::over;
    return;
  }
  if (now >= heard_ + patience_.give_up) return fail(no_answer_sentence(patience_.give_up), now);
  if (reopen_ || !connected_ || now < silence_over()) return;
  if (phase_ == Phase::opening && !post_due_) {
    opening_patience_ = std::min<milliseconds>(opening_patience_ * 2, milliseconds{limits::kQueryAfter} * 16);
    post_due_ = now;
    open_again(now, true);
  } else if (started() && unanswered_ > 0) {
    open_again(now, false);
  }
}

// ---- what to do ----

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
                                .replaces = std::nullopt}};
}

wire::ClientError Transfer::error() const {
  const auto* failure = std::get_if<Failure>(&outcome_);
  return {static_cast<std::uint32_t>(wire::Code::malformed), failure ? failure->sentence : std::string()};
}

Stage Transfer::stage(Time now) const noexcept {
  if (finished()) return Stage::over;
  if (phase_ == Phase::opening) {
    if (refused_for_now_) return Stage::refused_for_now;
    return connected_ ? Stage::asking : (approved() ? Stage::reconnecting : Stage::connecting);
  }
  if (!connected_ || hold_) return Stage::reconnecting;
  if (phase_ == Phase::verifying) return Stage::verifying;
  const auto quiet = now - std::max(heard_, moved_);
  if (pacer_.asking()) return quiet >= kSilence ? Stage::silent : Stage::sending;
  return credit_ == 0 && now - moved_ >= kWaiting ? Stage::waiting : Stage::sending;
}

}  // namespace dync::client
