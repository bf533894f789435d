#include "client/transfer.h"

#include <algorithm>
#include <utility>

#include "client/sentences.h"

namespace dync::client {

using std::chrono::milliseconds;

namespace {

constexpr std::uint32_t kMostAgain = 50;  // post-files after an approval, without progress between
constexpr milliseconds kAbortTime = limits::kLinger;

}  // namespace

Patience patience_for(milliseconds give_up) {
  Patience patience;
  patience.query = std::min(patience.query, give_up / 3);
  patience.idle = std::min(patience.idle, give_up / 3);
  patience.give_up = give_up;
  return patience;
}

Transfer::Transfer(Upload upload, Patience patience, Start start, Time now)
    : upload_(std::move(upload)),
      patience_(patience),
      connected_(start.connected),
      ours_(start.ours),
      used_(start.shared),
      alone_(!start.shared),
      echo_required_(start.ours && start.shared),
      post_due_(now),
      attempts_(start.connected ? 1 : 0),
      opening_patience_(limits::kQueryAfter),  // an original would take another post-file for another upload
      heard_(now),
      asked_(now),
      sent_(now),
      moved_(now),
      abort_until_(now),
      pacer_(start.rate) {}

// ---- what happened ----

void Transfer::message(const wire::ServerMessage& message, Time now) {
  if (finished() || phase_ == Phase::comparing || late(message)) return;
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
  hold_ = ask_ = source_waiting_ = last_sent_ = false;
  refused_for_now_.clear();
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
  if (!found_) found_ = seek;
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
  if (named && finished.upload_id != upload_id_.hex()) return other_finished(now);
  // On a routing id of its own only its own receipt can come, also at once, for an upload of an earlier run.
  const bool at_once = alone_ && post_open_ && finished.receipt;
  if (!named && !started() && !at_once) return;
  heard(now);
  if (digest_) return judge(finished);
  if (!finished.receipt || !upload_.size)
    return fail("the server says the upload is finished before all of it was sent", now);
  ours_ = true;
  post_open_ = source_waiting_ = false;
  post_due_.reset();
  told_ = finished;
  phase_ = Phase::comparing;
}

// If this is what it gets for its question, the routing id stands for another upload there: only the key
// finds its own.
void Transfer::other_finished(Time now) {
  if (!ours_ || !started() || unanswered_ == 0 || again_ >= kMostAgain) return;
  ++again_;
  post_again(now);
}

void Transfer::judge(const wire::UploadFinished& finished) {
  const auto& receipt = finished.receipt;
  if (!receipt || (receipt->sha256 == *digest_ && receipt->size == high_))
    return end(Stored{finished.upload_id, receipt});
  end(Failure{0, told_
                     ? "the server has stored other bytes for it than the file has now: look at both, and "
                       "send it by --no-resume if that is right"
                     : "the server stored something else than what was sent: its checksum or size differs"});
}

void Transfer::hashed(const digest::Digest& digest) {
  if (phase_ != Phase::comparing) return;
  digest_ = digest;
  position_ = high_ = upload_.size.value();
  if (!found_) found_ = position_;
  judge(*told_);
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
    refused_for_now_ = sentence_of(error);
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
      post_open_ = posted_ = true;
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
      if (want.fresh_id) {
        used_ = echo_required_ = false;
        alone_ = true;
      }
      unanswered_ = 0;
      asked_ = now;
      if (started()) hold_ = true;
      break;
    case Want::Kind::chunk:
    case Want::Kind::digest:
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
  last_sent_ = true;
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

// An original keeps nothing, and of a stream the bytes are gone. Without an approval nothing is there that an
// earlier run has not brought.
bool Transfer::waits_there() const noexcept {
  return upload_.size && (ours_ || (upload_.known && !approved()));
}

void Transfer::leave(std::string sentence, Time now) {
  if (!waits_there()) return fail(std::move(sentence), now);
  if (finished()) return;
  end(Failure{0, std::move(sentence)});
  gave_up_ = true;
}

bool Transfer::resumable() const noexcept {
  const auto* failure = std::get_if<Failure>(&outcome_);
  if (failure == nullptr || !upload_.size) return false;
  if (approved()) return ours_ && failure->code != static_cast<std::uint32_t>(wire::Code::refused);
  return upload_.known || (posted_ && failure->code == 0);
}

std::string Transfer::why_given_up() const {
  if (refused_for_now_.empty()) return no_answer_sentence(patience_.give_up);
  return asked_sentence(refused_for_now_, patience_.give_up);
}

void Transfer::tick(Time now) {
  if (phase_ == Phase::over || phase_ == Phase::comparing) return;
  if (phase_ == Phase::aborting) {
    if (now >= abort_until_) phase_ = Phase::over;
    return;
  }
  if (now >= heard_ + patience_.give_up) return leave(why_given_up(), now);
  if (reopen_ || !connected_ || now < silence_over()) return;
  if (phase_ == Phase::opening && !post_due_) {
    opening_patience_ = std::min<milliseconds>(opening_patience_ * 2, milliseconds{limits::kQueryAfter} * 16);
    post_due_ = now;
    open_again(now, true);
  } else if (started() && unanswered_ > 0) {
    open_again(now, false);
  }
}

}  // namespace dync::client
