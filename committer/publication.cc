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

Plan Publication::plan_of(const Job& job) const {
  auto members =
      job.shape == Shape::tree ? context_.ledger.read().members(job.id()) : std::vector<ledger::Member>{};
  return make_plan(job.row, context_.tmp_dir(), job.shape, std::move(members));
}

Pool& Publication::pool_for(const Plan& plan) const {
  return plan.elsewhere && plan.total() > limits::kQuickCopy ? context_.copies : context_.quick;
}

Publication::Prepared Publication::prepare_and_check(const Plan& plan, const Id& ledger,
                                                     const std::atomic<bool>& stop) {
  if (plan.shape == Shape::file) {
    const Readiness readiness = inspect_data(plan.staging, plan.bytes);
    // Gone: an earlier run has moved it already.
    if (readiness == Readiness::busy || readiness == Readiness::wrong_size) return {readiness, {}};
  }
  Prepared done;
  if (plan.elsewhere)
    done.refused = committer::prepare_elsewhere(plan, ledger, stop);
  else
    committer::prepare(plan);
  if (!done.refused) done.refused = check_target(plan.dropbox, plan.item);
  if (!done.refused) posix::crash_point(crash::kChecked);
  return done;
}

void Publication::prepare(const Id& id) {
  const Job* job = context_.jobs.find(id);
  if (job == nullptr) return;
  context_.outbox.then([this, id, plan = plan_of(*job)] {
    pool_for(plan).run([plan, ledger = context_.ledger_id,
                        &stop = context_.stopping] { return prepare_and_check(plan, ledger, stop); },
                       [this, id](const Outcome<Prepared>& outcome) { prepared(id, outcome); });
  });
}

void Publication::prepared(const Id& id, const Outcome<Prepared>& outcome) {
  Job* job = context_.jobs.find(id);
  if (job == nullptr) return;
  if (const auto* failure = std::get_if<Failure>(&outcome)) return not_prepared(*job, *failure);
  const auto& done = std::get<Prepared>(outcome);
  if (done.readiness != Readiness::ready) return not_ready(*job, done.readiness);
  if (done.refused) return context_.fail(*job, *done.refused, true);
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
    return context_.fail(job, not_published("its staged file is still open for writing"), true);
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
  Plan plan = plan_of(*job);
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
  context_.remove_staging(job.row);
  context_.jobs.remove(id);
}

void Publication::held(Job& job, const std::string& problem) {
  job.row.session.held = true;
  context_.ledger.set_held(job.id());
  context_.event(job.id(), events::kHeld, detail({{"error", problem}}));
  context_.log.error("upload.held", {{"upload", job.id().hex()}, {"error", problem}});
}

}  // namespace dync::committer
