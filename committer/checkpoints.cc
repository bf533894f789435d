#include "committer/checkpoints.h"

#include <algorithm>
#include <utility>

#include "committer/crash_points.h"

namespace dync::committer {

using ledger::State;

// An older epoch's word is about bytes that may have been cut since.
Job* Checkpoints::job_of(const Id& upload, std::uint32_t epoch) const {
  Job* job = context_.jobs.find(upload);
  if (job == nullptr || job->opening || epoch < job->row.session.epoch) return nullptr;
  return job->attached() || job->state() == State::received ? job : nullptr;
}

void Checkpoints::hashed(const ipc::Checkpoint& message) {
  Job* job = job_of(message.upload, message.epoch);
  if (job == nullptr || (job->hashed && job->hashed->epoch > message.epoch)) return;
  job->hashed = message;
  const bool all = job->state() == State::received;
  const bool synced =
      job->synced && job->synced->epoch == message.epoch && job->synced->offset == message.state.length;
  if (all || synced) record(*job);
}

void Checkpoints::synced(const ipc::Synced& message) {
  Job* job = job_of(message.upload, message.epoch);
  if (job == nullptr || (job->synced && job->synced->epoch > message.epoch)) return;
  job->synced = message;
  const auto& known = job->checkpoint;
  if (known && known->epoch == message.epoch && known->state.length == message.offset) return tell(*job);
  if (job->hashed && job->hashed->epoch == message.epoch && job->hashed->state.length == message.offset)
    record(*job);
}

void Checkpoints::all_synced(Job& job, std::uint32_t epoch, std::uint64_t bytes) {
  if (job.hashed && job.hashed->epoch == epoch && job.hashed->state.length <= bytes) record(job);
}

void Checkpoints::record(Job& job) {
  const ledger::Checkpoint fresh{job.hashed->epoch, job.hashed->state};
  if (job.checkpoint && job.checkpoint->state.length >= fresh.state.length) return;
  auto& [upload, session] = job.row;
  const std::uint64_t bytes = fresh.state.length;
  context_.ledger.set_checkpoint(job.id(), fresh);
  job.checkpoint = fresh;
  session.durable_bytes = std::max(session.durable_bytes, bytes);
  if (upload.bytes_received < bytes) {
    upload.bytes_received = bytes;
    context_.ledger.set_progress(job.id(), bytes);
  }
  context_.log.debug("upload.checkpoint", {{"upload", job.id().hex()}, {"bytes", bytes}});
  context_.crash_after_commit(crash::kCheckpointed);
  tell(job);
}

void Checkpoints::tell(const Job& job) const {
  context_.outbox.to_receiver(ipc::Checkpointed{job.id(), job.checkpoint->epoch, job.checkpoint->state});
}

}  // namespace dync::committer
