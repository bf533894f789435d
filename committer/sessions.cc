#include "committer/sessions.h"

#include "committer/crash_points.h"
#include "committer/detail.h"
#include "committer/overloaded.h"
#include "committer/session_rows.h"
#include "committer/staging.h"
#include "proto/posix/process.h"
#include "schema/ledger/events.h"

namespace dync::committer {
namespace {

namespace events = ledger::events;
using ledger::State;
using wire::Code;

Id new_id() {
  std::array<std::byte, Id::kBytes> random{};
  posix::random_bytes(random);
  return Id::uuid4(random);
}

}  // namespace

// A new receiver does not know what the last one asked: no answer goes out before it has heard of every live
// upload.
void Sessions::hello() {
  greeting_ = true;
  waiting_.clear();
  for (Job* job : context_.jobs.all()) {
    job->waiters.clear();
    job->request = 0;
  }
  restore_all();
}

void Sessions::restore_all() {
  if (!greeting_ || context_.jobs.opening() > 0) return;
  greeting_ = false;
  context_.crash_after_commit(crash::kGreeted);
  for (const Job* job : context_.jobs.all())
    if (job->attached() || job->state() == State::received)
      context_.outbox.to_receiver(restore_of(*job, context_.config.untar.max_members));
  context_.outbox.to_receiver(ipc::Restored{});
}

void Sessions::open(ipc::Open message) {
  if (message.options && message.options->check) return answer_check(message);
  if (!supersede(message)) return;
  if (!message.after) message.after = ending(message);
  if (must_wait(message)) return waiting_.add(std::move(message));
  end_replaced(message);
  judge(message);
}

void Sessions::answer_check(const ipc::Open& message) {
  const Answer answer = admission_.judge(message);
  if (say_end(message.request, answer)) return;
  context_.outbox.to_receiver(ipc::Opened{.request = message.request,
                                          .upload = {},
                                          .epoch = 0,
                                          .seek = 0,
                                          .untar_max_members = context_.config.untar.max_members});
}

// False if the answer is neither a receipt nor a refusal.
bool Sessions::say_end(std::uint64_t request, const Answer& answer) {
  const auto* receipt = std::get_if<wire::Receipt>(&answer);
  const auto* refusal = std::get_if<wire::Refusal>(&answer);
  if (receipt != nullptr) context_.outbox.to_receiver(ipc::Finished{request, *receipt});
  if (refusal != nullptr) context_.outbox.to_receiver(ipc::Refused{request, *refusal});
  return receipt != nullptr || refusal != nullptr;
}

// Of two that ask for one upload the newer counts, in whichever order they come: request numbers grow. It
// waits for whom the older one waited. False: this is the older one.
bool Sessions::supersede(ipc::Open& message) {
  auto other = waiting_.take_same(message);
  if (!other || other->request == message.request) return true;
  const bool newer = message.request > other->request;
  say_taken_over(newer ? other->request : message.request);
  if (newer && !message.after) message.after = other->after;
  if (!newer) waiting_.add(std::move(*other));
  return newer;
}

// The receiver asks for an upload only when it has no session for it. One that had begun is on its way to its
// end then, and a Park, Abort or AllReceived will tell how far it came.
std::optional<Id> Sessions::ending(const ipc::Open& message) {
  if (!message.options) return std::nullopt;
  const Job* job = context_.jobs.by_key(message.user, message.options->key);
  if (job == nullptr || !job->attached() || job->untouched()) return std::nullopt;
  return job->id();
}

bool Sessions::must_wait(const ipc::Open& message) {
  const Job* job = message.after ? context_.jobs.find(*message.after) : nullptr;
  if (job == nullptr || !job->attached()) return false;
  const ledger::Session& session = job->row.session;
  // Its Park was heard by an earlier committer, which resumed it for this very connection.
  const bool resumed = job->park_repeated && message.options && session.key == message.options->key &&
                       session.routing_id == message.routing_id;
  return !resumed;
}

void Sessions::end_replaced(const ipc::Open& message) {
  if (!message.options || !message.options->replaces) return;
  if (message.options->replaces == message.options->key) return;
  Job* job = context_.jobs.by_key(message.user, *message.options->replaces);
  if (job != nullptr && job->parked())
    context_.end(*job, State::aborted, {Code::conflict, "its client replaced it by a new upload"}, false);
}

void Sessions::judge(const ipc::Open& message) {
  std::visit(Overloaded{[&](const Accepted& accepted) { begin(message, accepted.destination); },
                        [&](const Again& same) { again(*same.job, message); },
                        [&](const Resumed& resumed) { resume(resumed, message); },
                        [&](const Later& later) { later.job->waiters.push_back(message.request); },
                        [&](const wire::Receipt& receipt) {
                          context_.outbox.to_receiver(ipc::Finished{message.request, receipt});
                        },
                        [&](const wire::Refusal& refusal) { refuse(message, refusal); }},
             admission_.judge(message));
}

void Sessions::begin(const ipc::Open& message, const rules::Destination& destination) {
  const Id id = context_.jobs.add(job_of(new_id(), message, destination)).id();
  context_.outbox.then([this, id] {
    context_.quick.run(
        [tmp_dir = context_.tmp_dir(), stamp = names::Stamp{context_.ledger_id, id}] {
          make_staging(tmp_dir, stamp);
          return true;
        },
        [this, id](const Outcome<bool>& outcome) { staged(id, outcome); });
  });
}

void Sessions::staged(const Id& id, const Outcome<bool>& outcome) {
  if (const auto* failure = std::get_if<Failure>(&outcome)) return not_staged(id, *failure);
  Job& job = *context_.jobs.find(id);
  job.opening = false;
  context_.ledger.add(job.row.upload, job.row.session);
  context_.event(id, events::kOpened,
                 detail({{"original", !job.row.session.key},
                         {"chunk_size", std::uint64_t{job.row.session.chunk_size}},
                         {"max_queue", std::uint64_t{job.row.session.max_queue}}}));
  context_.log.info("upload.opened", {{"upload", id.hex()},
                                      {"user", job.row.upload.origin},
                                      {"name", job.row.upload.filename},
                                      {"destination", job.row.upload.destination}});
  context_.crash_after_commit(crash::kOpened);
  if (!greeting_) say_opened(job);
  restore_all();
}

void Sessions::not_staged(const Id& id, const Failure& failure) {
  const Job& job = *context_.jobs.find(id);
  const Code code = failure.kind == posix::Kind::no_space ? Code::no_space : Code::internal;
  ipc::Open message;
  message.request = job.request;
  message.user = job.row.upload.origin;
  message.filename = job.row.upload.filename;
  context_.log.error("upload.not_staged", {{"upload", id.hex()}, {"error", failure.sentence}});
  refuse(message,
         {code, "the server has no place for the upload: " + failure.sentence + "; tell its operator"});
  context_.remove_staging(id);
  context_.jobs.remove(id);
  settled(id);
  restore_all();
}

// The upload belongs to this question now; whoever asked before hears that. False: it is itself the older.
bool Sessions::serve(Job& job, std::uint64_t request) {
  if (request < job.request) {
    say_taken_over(request);
    return false;
  }
  if (job.opening && job.request != 0 && job.request != request) say_taken_over(job.request);
  job.request = request;
  job.park_repeated = false;
  return true;
}

void Sessions::again(Job& job, const ipc::Open& message) {
  if (serve(job, message.request) && !job.opening) say_opened(job);
}

void Sessions::resume(const Resumed& resumed, const ipc::Open& message) {
  Job& job = *resumed.job;
  if (!serve(job, message.request)) return;
  context_.jobs.change(job, [&](ledger::Row& row) {
    // So that a Park that is said once more is seen to be old.
    if (row.session.parked_seconds) ++row.session.epoch;
    post(row, message, resumed.destination);
  });
  if (job.opening) return;
  const auto& [upload, session] = job.row;
  context_.ledger.set_resumed(upload, session);
  context_.event(job.id(), events::kResumed,
                 detail({{"bytes", session.durable_bytes},
                         {"epoch", std::uint64_t{session.epoch}},
                         {"name", upload.filename}}));
  context_.log.info("upload.resumed", {{"upload", job.id().hex()},
                                       {"user", upload.origin},
                                       {"name", upload.filename},
                                       {"bytes", session.durable_bytes},
                                       {"destination", upload.destination}});
  context_.crash_after_commit(crash::kResumed);
  say_opened(job);
}

void Sessions::say_opened(const Job& job) {
  context_.outbox.to_receiver(ipc::Opened{.request = job.request,
                                          .upload = job.id(),
                                          .epoch = job.last_epoch(),
                                          .seek = job.row.session.durable_bytes,
                                          .untar_max_members = context_.config.untar.max_members,
                                          .checkpoint = job.hashed_before()});
}

void Sessions::say_taken_over(std::uint64_t request) {
  context_.outbox.to_receiver(ipc::Refused{
      request, {Code::conflict, "the upload was taken over by another connection of the same client"}});
}

void Sessions::refuse(const ipc::Open& message, const wire::Refusal& refusal) {
  const auto code = static_cast<std::uint32_t>(refusal.code);
  context_.ledger.add_event(std::nullopt, "committer", events::kRefused,
                            detail({{"user", message.user},
                                    {"name", message.filename},
                                    {"code", std::uint64_t{code}},
                                    {"error", refusal.sentence}}));
  context_.log.info(
      "upload.refused",
      {{"user", message.user}, {"name", message.filename}, {"code", code}, {"error", refusal.sentence}});
  if (!greeting_) context_.outbox.to_receiver(ipc::Refused{message.request, refusal});
}

void Sessions::find(const ipc::Find& message) {
  const Answer answer = admission_.find(message);
  if (const auto* later = std::get_if<Later>(&answer))
    later->job->waiters.push_back(message.request);
  else
    say_end(message.request, answer);
}

void Sessions::park(const ipc::Park& message) {
  Job* job = context_.jobs.find(message.upload);
  if (job == nullptr || job->parked())
    return context_.log.debug("upload.parked_already", {{"upload", message.upload.hex()}});
  if (job->opening || job->state() != State::receiving)
    return context_.log.warning("upload.late_park", {{"upload", message.upload.hex()}});
  if (!job->row.session.key)
    return context_.log.error("upload.original_parked", {{"upload", message.upload.hex()}});
  job->park_repeated = message.epoch < job->row.session.epoch;
  if (!job->park_repeated) {
    checkpoints_.all_synced(*job, message.epoch, message.bytes);
    parking_.park(*job, message);
  }
  settled(message.upload);
}

void Sessions::abort(const ipc::Abort& message) {
  Job* job = context_.jobs.find(message.upload);
  if (job == nullptr || job->opening) return;
  if (job->state() != State::receiving && job->state() != State::received)
    return context_.log.warning("upload.late_abort", {{"upload", message.upload.hex()}});
  const bool ours = message.code == Code::internal || message.code == Code::no_space;
  context_.end(*job, ours ? State::failed : State::aborted, {message.code, message.sentence}, false);
  settled(message.upload);
}

void Sessions::progress(const ipc::Progress& message) {
  Job* job = context_.jobs.find(message.upload);
  if (job == nullptr || job->opening || !job->attached()) return;
  job->row.upload.bytes_received = message.bytes;
  context_.ledger.set_progress(message.upload, message.bytes);
}

void Sessions::make_room(const ipc::MakeRoom& message) {
  if (!parking_.make_room(message.bytes)) context_.outbox.to_receiver(ipc::NoPartial{});
}

void Sessions::settled(const Id& id) {
  for (ipc::Open& open_message : waiting_.take_for(id)) open(std::move(open_message));
}

}  // namespace dync::committer
