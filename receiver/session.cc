#include "receiver/session.h"

#include <algorithm>
#include <utility>

#include "receiver/fingerprint.h"
#include "schema/limits/limits.h"

namespace dync::receiver {

Session::Session(std::string routing_id, std::string user, const SessionTerms& terms, CreditBook& book,
                 Time now)
    : routing_id_(std::move(routing_id)),
      user_(std::move(user)),
      terms_(terms),
      book_(book),
      heard_at_(now) {}

Session::~Session() {
  leave_book();
}

bool Session::heard(std::string_view user) {
  owner_listens_ = user == user_;
  return owner_listens_;
}

void Session::connection_gone(Time now) {
  if (!gone_at_) gone_at_ = now;
}

Actions Session::on_opened(const ipc::Opened& opened, Time now) {
  if (state_ != State::opening) return {};
  heard_at_ = now;
  upload_ = opened.upload;
  untar_max_members_ = opened.untar_max_members;
  positions_ = Positions(opened.seek);
  if (check_) {
    state_ = State::none;
    return {approval(0, 0)};
  }
  state_ = State::receiving;
  join(false);
  const std::uint32_t credit = book_.first_offer(*member_);
  return {approval(credit, credit)};
}

Actions Session::on_refused(const wire::Refusal& why) {
  if (state_ != State::opening && state_ != State::finding) return {};
  return over({}, why, true);
}

Actions Session::on_receipt(const wire::Receipt& receipt) {
  if (state_ != State::opening && state_ != State::finding && state_ != State::finishing) return {};
  Actions actions;
  if (state_ == State::finishing) actions.emplace_back(Release{upload_});
  leave_book();
  answer_ = receipt;
  state_ = State::finished;
  actions.emplace_back(answer());
  return actions;
}

Actions Session::on_failed(const wire::Refusal& why) {
  if (!serves()) return {};
  return over({Release{upload_}}, why, true);
}

Actions Session::on_restored(const ipc::Restore& restore, std::uint64_t written, Time now) {
  heard_at_ = now;
  remember(restore.session);
  upload_ = restore.upload;
  untar_max_members_ = restore.untar_max_members;
  positions_ = Positions(written, written - std::min<std::uint64_t>(written, chunk_size_));
  chunk_seen_ = written > 0;
  state_ = State::receiving;
  if (!restore.client_sha256) {
    join(true);
    return {};
  }
  state_ = State::finishing;
  return {Complete{written, *restore.client_sha256}};
}

void Session::on_written(std::uint64_t bytes) {
  if (member_) book_.wrote(*member_, bytes);
}

Actions Session::on_broken(const wire::Refusal& why) {
  if (state_ != State::receiving && state_ != State::finishing) return {};
  return end(why, true);
}

Actions Session::on_tick(Time now) {
  const auto silent = now - heard_at_;
  if (state_ == State::opening && now - asked_at_ >= limits::kCommitterSilence) {
    return end({wire::Code::stopping, "the server is not ready to take files now, send the file again later"},
               true);
  }
  if (state_ == State::finding && now - asked_at_ >= limits::kCommitterSilence) {
    state_ = State::none;
    return {Withdraw{}};
  }
  if (state_ != State::receiving) return {};
  if (Actions over = silent_too_long(now); !over.empty()) return over;
  if (!resting_ && silent >= limits::kSilentShare) {
    resting_ = true;
    book_.rest(*member_);
  }
  return {};
}

// Our client comes back by its key. An original can't, and its source may pause for long.
Actions Session::silent_too_long(Time now) {
  const auto silent = now - heard_at_;
  if (original()) {
    if (silent < terms_.idle_timeout) return {};
    return end({wire::Code::timeout, "nothing came for " + std::to_string(terms_.idle_timeout.count()) +
                                         " s, send the file again"},
               true);
  }
  const bool gone = gone_at_ && now - *gone_at_ >= limits::kOurGone;
  if (!gone && silent < limits::kOurSilence) return {};
  const std::string why = gone ? "its connection is gone"
                               : "nothing came for " + std::to_string(limits::kOurSilence.count()) + " s";
  return park({wire::Code::unknown,
               "the session has ended, as " + why + "; post the file again with its key to go on"},
              true);
}

Actions Session::offer(std::uint32_t chunks) {
  if (state_ != State::receiving) return {};
  return {Send{wire::TransferCredit{chunks}, chunks}};
}

void Session::granted(const Send& sent) {
  if (!member_ || sent.grant == 0) return;
  if (sent.nudge) {
    book_.nudged(*member_);
  } else {
    book_.granted(*member_, sent.grant);
  }
}

Actions Session::end(const wire::Refusal& why, bool tell) {
  Actions actions;
  if (state_ == State::opening) actions.emplace_back(Withdraw{});
  if (serves()) actions.emplace_back(Abort{upload_, why});
  return over(std::move(actions), why, tell);
}

Actions Session::over(Actions actions, const wire::Refusal& why, bool tell) {
  leave_book();
  state_ = State::failed;
  answer_ = why;
  if (tell) actions.emplace_back(refusal(why));
  return actions;
}

Actions Session::park(const wire::Refusal& why, bool tell) {
  return over({Park{upload_, why.sentence}}, why, tell);
}

bool Session::same_file(const wire::PostFileOptions& options) const {
  return options.size == declared_size_ && options.mtime_ns == mtime_ns_;
}

bool Session::may_be_taken_over(Time now) const {
  if (state_ != State::receiving) return false;
  if (gone_at_ && now - *gone_at_ >= limits::kOriginalGone) return true;
  const bool may_send = book_.has_credit(*member_);
  return now - heard_at_ >= (may_send ? limits::kOriginalSilenceWithCredit : limits::kOriginalSilence);
}

Actions Session::give_way(const wire::Refusal& why, bool keep) {
  if (state_ == State::receiving && keep) return park(why, true);
  if (state_ != State::finishing) return end(why, true);
  return over({}, why, true);
}

Actions Session::take_place_of(const Session& other) {
  upload_ = other.upload_;
  untar_max_members_ = other.untar_max_members_;
  positions_ = other.positions_;
  state_ = State::finishing;
  return {approval(1, 0)};
}

Send Session::answer() const {
  if (const auto* why = std::get_if<wire::Refusal>(&answer_)) return refusal(*why);
  const auto& receipt = std::get<wire::Receipt>(answer_);
  return Send{
      wire::UploadFinished{receipt.upload_id.hex(), with_receipt_ ? std::optional(receipt) : std::nullopt}};
}

Send Session::approval(std::uint32_t credit, std::uint32_t grant) const {
  wire::UploadApproved approved{credit, chunk_size_, max_queue_, {}};
  if (key_)
    approved.options = wire::ApprovalOptions{*key_, upload_, positions_.expected(), untar_max_members_};
  return Send{approved, grant};
}

Send Session::refusal(const wire::Refusal& why) const {
  return Send{wire::ServerError{static_cast<std::uint32_t>(why.code), why.sentence, key_}};
}

void Session::remember(const ipc::Open& open) {
  fingerprint_ = fingerprint_of(open);
  key_ = open.options ? std::optional(open.options->key) : std::nullopt;
  filename_ = open.filename;
  declared_size_ = open.options ? open.options->size : std::nullopt;
  mtime_ns_ = open.options ? open.options->mtime_ns : std::nullopt;
  with_receipt_ = open.options.has_value();
  check_ = open.options && open.options->check;
  chunk_size_ = open.chunk_size;
  max_queue_ = open.max_queue;
}

CreditTerms Session::credit_terms() const {
  return {chunk_size_, max_queue_, original(), !declared_size_.has_value()};
}

void Session::join(bool restored) {
  member_ = restored ? book_.rejoin(credit_terms()) : book_.join(credit_terms());
  resting_ = false;
}

void Session::leave_book() {
  if (member_) book_.leave(*member_);
  member_.reset();
}

}  // namespace dync::receiver
