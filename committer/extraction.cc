#include "committer/extraction.h"

#include <csignal>

#include "committer/crash_points.h"
#include "committer/detail.h"
#include "committer/publish.h"
#include "committer/retry.h"
#include "schema/ledger/events.h"
#include "schema/limits/limits.h"
#include "schema/limits/untar_exit.h"

namespace dync::committer {
namespace {

namespace events = ledger::events;
using ledger::State;

wire::Refusal internal(const std::string& reason) {
  return {wire::Code::internal, "the server could not unpack the archive: " + reason + "; tell its operator"};
}

wire::Refusal refusal_of(const Untarred& result) {
  if (result.code == limits::untar_exit::kFailed && result.signal == 0)
    return internal(result.report.empty() ? "dync-untar failed" : result.report);
  const bool told = result.code == limits::untar_exit::kRefused && !result.report.empty();
  return {wire::Code::refused,
          told ? result.report
               : "the archive could not be unpacked; check it with tar -t, or send it without untar"};
}

}  // namespace

void Extraction::start(Job& job) {
  job.tries = 0;
  if (job.state() == State::verified) {
    job.row.upload.state = State::extracting;
    context_.ledger.set_state(job.id(), State::extracting);
    context_.event(job.id(), events::kExtracting, "{}");
  }
  open(job.id());
}

void Extraction::open(const Id& id) {
  const Job* job = context_.jobs.find(id);
  if (job == nullptr) return;
  const auto work = [staging = context_.staging(id), size = job->row.upload.bytes_received] {
    const Readiness readiness = inspect_data(staging, size);
    if (readiness != Readiness::ready) return Ready{readiness, nullptr};
    return Ready{readiness, std::make_shared<UntarFiles>(open_untar_files(staging))};
  };
  context_.outbox.then([this, id, work] {
    context_.slow.run(work, [this, id](const Outcome<Ready>& outcome) { opened(id, outcome); });
  });
}

void Extraction::opened(const Id& id, const Outcome<Ready>& outcome) {
  Job* job = context_.jobs.find(id);
  if (job == nullptr) return;
  if (const auto* failure = std::get_if<Failure>(&outcome)) return not_done(*job, *failure);
  const auto& ready = std::get<Ready>(outcome);
  if (ready.readiness != Readiness::ready) return not_ready(*job, ready.readiness);
  run(id, ready.files);
}

void Extraction::not_ready(Job& job, Readiness readiness) {
  // An earlier run found that it is no archive and has moved it on.
  if (readiness == Readiness::gone) return publication_.start(job, Shape::file);
  if (readiness == Readiness::wrong_size)
    return context_.fail(job, internal("the staged file has not the size that was received"), false);
  if (limits::kWriterPoll * ++job.tries > limits::kWriterGone)
    return context_.fail(job, internal("its staged file is still open for writing"), true);
  context_.later(limits::kWriterPoll, [this, id = job.id()] { open(id); });
}

void Extraction::run(const Id& id, const std::shared_ptr<UntarFiles>& files) {
  context_.outbox.then([this, id, files] {
    untar_.run(std::move(*files), [this, id](const Untarred& result) {
      context_.inbox.post([this, id, result] { ended(id, result); });
    });
  });
}

void Extraction::ended(const Id& id, const Untarred& result) {
  Job* job = context_.jobs.find(id);
  if (job == nullptr) return;
  context_.log.info(
      "untar.ended",
      {{"upload", id.hex()}, {"code", result.code}, {"signal", result.signal}, {"report", result.report}});
  if (result.signal == 0 && result.code == limits::untar_exit::kExtracted) return check(*job);
  if (result.signal == 0 && result.code == limits::untar_exit::kNotATar) return not_a_tar(*job);
  // Killed from outside, as when memory runs out, it says nothing about the archive.
  if (result.signal == SIGKILL && ++job->kills < limits::kUntarKills) return open(id);
  if (result.signal == 0 && result.code == limits::untar_exit::kNoRoom)
    return wait(*job, "there is no room for the archive's files");
  const wire::Refusal refusal = refusal_of(result);
  // What the server could not do says nothing against the archive either.
  context_.fail(*job, refusal, refusal.code == wire::Code::internal);
}

void Extraction::not_done(Job& job, const Failure& failure) {
  if (passes(failure.kind)) return wait(job, failure.sentence);
  context_.fail(job, internal(failure.sentence), true);
}

// dync-untar took away what it had written, so the disk is as it was.
void Extraction::wait(Job& job, const std::string& why) {
  context_.log.error("upload.waits", {{"upload", job.id().hex()}, {"error", why}});
  context_.later(pause_after(job.tries), [this, id = job.id()] { open(id); });
}

void Extraction::check(const Job& job) {
  const auto work = [staging = context_.staging(job.id()), limits = context_.config.untar,
                     access = access_of(job.row.session),
                     dropbox = Path(job.row.upload.destination).parent_path()] {
    Checked checked{check_tree(staging, limits, access)};
    const auto* tree = std::get_if<Tree>(&checked.tree);
    if (tree == nullptr) return checked;
    if (auto taken = check_target(dropbox, tree->top)) checked.tree = std::move(*taken);
    return checked;
  };
  context_.outbox.then([this, id = job.id(), work] {
    context_.slow.run(work, [this, id](const Outcome<Checked>& outcome) { checked(id, outcome); });
  });
}

void Extraction::checked(const Id& id, const Outcome<Checked>& outcome) {
  Job* job = context_.jobs.find(id);
  if (job == nullptr) return;
  if (const auto* failure = std::get_if<Failure>(&outcome)) return not_done(*job, *failure);
  const auto& result = std::get<Checked>(outcome).tree;
  if (const auto* refusal = std::get_if<wire::Refusal>(&result)) return context_.fail(*job, *refusal, false);
  accept(*job, std::get<Tree>(result));
}

void Extraction::accept(Job& job, const Tree& tree) {
  ledger::Upload& upload = job.row.upload;
  const std::string destination = (Path(upload.destination).parent_path() / tree.top).string();
  const Job* holder = context_.jobs.holder(destination);
  if (holder != nullptr && holder != &job)
    return context_.fail(
        job,
        {wire::Code::conflict, destination + " is being uploaded already; rename the archive's "
                                             "top-level entry, or wait until that has ended"},
        false);
  context_.jobs.reserve(job, destination);
  upload.clean_name = tree.top;
  upload.destination = destination;
  context_.ledger.set_destination(job.id(), tree.top, destination);
  context_.ledger.set_members(job.id(), tree.members);
  context_.event(
      job.id(), events::kExtracted,
      detail({{"top", tree.top}, {"members", std::uint64_t{tree.entries}}, {"bytes", tree.bytes}}));
  context_.crash_after_commit(crash::kExtracted);
  publication_.start(job, Shape::tree);
}

void Extraction::not_a_tar(Job& job) {
  context_.event(job.id(), events::kNotATar, "{}");
  publication_.start(job, Shape::file);
}

}  // namespace dync::committer
