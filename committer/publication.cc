#include "committer/publication.h"

#include "committer/admission.h"
#include "committer/crash_points.h"
#include "committer/detail.h"
#include "committer/retry.h"
#include "proto/posix/crash_point.h"
#include "schema/ledger/events.h"
#include "schema/limits/limits.h"

namespace dync::committer {
namespace {

namespace events = ledger::events;
using ledger::State;

wire::Refusal not_published(const std::string& reason) {
  return {wire::Code::internal, "the server could not publish the upload: " + reason + "; tell its operator"};
}

}  // namespace

void Publication::start(Job& job, Shape shape) {
  job.shape = shape;
  job.tries = 0;
  prepare(job.id());
}

Publication::Prepared Publication::prepare_and_check(const Plan& plan, std::uint64_t size) {
  if (plan.shape == Shape::file) {
    const Readiness readiness = inspect_data(plan.staging, size);
    // Gone: an earlier run has moved it already.
    if (readiness == Readiness::busy || readiness == Readiness::wrong_size) return {readiness, {}};
  }
  committer::prepare(plan);
  Prepared done{Readiness::ready, check_target(plan.dropbox, plan.item)};
  if (!done.taken) posix::crash_point(crash::kChecked);
  return done;
}

void Publication::prepare(const Id& id) {
  const Job* job = context_.jobs.find(id);
  if (job == nullptr) return;
  const std::uint64_t size = job->row.upload.bytes_received;
  context_.outbox.then([this, id, size, plan = make_plan(job->row, context_.tmp_dir(), job->shape)] {
    context_.quick.run([plan, size] { return prepare_and_check(plan, size); },
                       [this, id](const Outcome<Prepared>& outcome) { prepared(id, outcome); });
  });
}

void Publication::prepared(const Id& id, const Outcome<Prepared>& outcome) {
  Job* job = context_.jobs.find(id);
  if (job == nullptr) return;
  if (const auto* failure = std::get_if<Failure>(&outcome)) return not_prepared(*job, *failure);
  const auto& done = std::get<Prepared>(outcome);
  if (done.readiness != Readiness::ready) return not_ready(*job, done.readiness);
  if (done.taken) return context_.fail(*job, *done.taken, true);
  job->row.upload.state = State::committing;
  job->tries = 0;
  context_.ledger.set_state(id, State::committing);
  context_.event(id, events::kCommitting, detail({{"destination", job->row.upload.destination}}));
  context_.crash_after_commit(crash::kCommitting);
  publish(id);
}

void Publication::not_ready(Job& job, Readiness readiness) {
  if (readiness == Readiness::wrong_size)
    return context_.fail(job, not_published("the staged file has not the size that was received"), false);
  if (limits::kWriterPoll * ++job.tries > limits::kWriterGone)
    return context_.fail(job, not_published("its staged file is still open for writing"), false);
  context_.later(limits::kWriterPoll, [this, id = job.id()] { prepare(id); });
}

void Publication::not_prepared(Job& job, const Failure& failure) {
  if (!passes(failure.kind)) return context_.fail(job, not_published(failure.sentence), true);
  context_.log.error("upload.waits", {{"upload", job.id().hex()}, {"error", failure.sentence}});
  context_.later(pause_after(job.tries), [this, id = job.id()] { prepare(id); });
}

void Publication::publish(const Id& id) {
  const Job* job = context_.jobs.find(id);
  if (job == nullptr) return;
  Plan plan = make_plan(job->row, context_.tmp_dir(), job->shape);
  plan.announced = job->announced;
  context_.outbox.then([this, id, plan = std::move(plan)] {
    context_.quick.run([plan] { return committer::publish(plan); },
                       [this, id](const Outcome<Published>& outcome) { published(id, outcome); });
  });
}

// From here on an upload can't fail any more, but for the one case that left no trace.
void Publication::published(const Id& id, const Outcome<Published>& outcome) {
  Job* job = context_.jobs.find(id);
  if (job == nullptr) return;
  if (const auto* failure = std::get_if<Failure>(&outcome)) return publish_again(*job, failure->sentence);
  const auto& result = std::get<Published>(outcome);
  switch (result.result) {
    case PublishResult::done:
      return committed(*job);
    case PublishResult::undone:
      return context_.fail(*job, not_published(result.problem), true);
    case PublishResult::held:
      return held(*job, result.problem);
    case PublishResult::announced:
      job->announced = true;
      return publish_again(*job, result.problem);
  }
}

void Publication::publish_again(Job& job, const std::string& problem) {
  context_.log.error("upload.not_published", {{"upload", job.id().hex()}, {"error", problem}});
  context_.later(pause_after(job.tries), [this, id = job.id()] { publish(id); });
}

void Publication::committed(Job& job) {
  const Id id = job.id();
  context_.ledger.set_state(id, State::committed);
  context_.event(id, events::kCommitted, detail({{"destination", job.row.upload.destination}}));
  const wire::Receipt receipt = receipt_of(context_.ledger.read().upload(id).value());
  context_.crash_after_commit(crash::kCommitted);
  context_.outbox.to_receiver(ipc::Committed{id, receipt});
  for (const std::uint64_t request : job.waiters)
    context_.outbox.to_receiver(ipc::Finished{request, receipt});
  context_.log.info("upload.committed", {{"upload", id.hex()}, {"destination", receipt.destination}});
  context_.remove_staging(id);
  context_.jobs.remove(id);
}

void Publication::held(Job& job, const std::string& problem) {
  job.row.session.held = true;
  context_.ledger.set_held(job.id());
  context_.event(job.id(), events::kHeld, detail({{"error", problem}}));
  context_.log.error("upload.held", {{"upload", job.id().hex()}, {"error", problem}});
}

}  // namespace dync::committer
