#include "committer/parking.h"

#include <algorithm>

#include "committer/admission.h"
#include "committer/crash_points.h"
#include "committer/detail.h"
#include "schema/ledger/events.h"

namespace dync::committer {
namespace {

using std::chrono::seconds;

constexpr seconds kLookLeast{1};
constexpr seconds kLookMost{60};
constexpr int kLooksInTtl = 10;

void longest_first(std::vector<Job*>& parked) {
  std::sort(parked.begin(), parked.end(),
            [](const Job* one, const Job* other) { return one->waits_since < other->waits_since; });
}

}  // namespace

std::chrono::milliseconds look_every(seconds ttl) {
  return std::clamp(ttl / kLooksInTtl, kLookLeast, kLookMost);
}

void Parking::park(Job& job, const ipc::Park& message) {
  context_.jobs.change(job, [&](ledger::Row& row) {
    row.upload.bytes_received = message.bytes;
    row.session.epoch = message.epoch;
    row.session.durable_bytes = message.bytes;
    row.session.reserves.reset();
    row.session.parked_seconds = 0;
  });
  job.waits_since = now_();
  context_.ledger.set_parked(job.id(), message.epoch, message.bytes);
  context_.event(
      job.id(), ledger::events::kParked,
      detail({{"bytes", message.bytes}, {"epoch", std::uint64_t{message.epoch}}, {"why", message.why}}));
  context_.log.info("upload.parked",
                    {{"upload", job.id().hex()}, {"bytes", message.bytes}, {"why", message.why}});
  context_.crash_after_commit(crash::kParked);
  for (const std::uint64_t request : job.waiters)
    context_.outbox.to_receiver(ipc::Refused{request, session_ended()});
  job.waiters.clear();
  keep_bounded(job);
}

void Parking::look() {
  const seconds ttl = context_.config.limits.partial_ttl;
  for (Job* job : context_.jobs.all()) {
    if (!job->parked()) continue;
    if (waited(*job) >= ttl)
      expire(*job, "its client did not come back for " + std::to_string(ttl.count()) + " s");
    else
      note(*job);
  }
}

void Parking::keep_looking() {
  context_.later(look_every(context_.config.limits.partial_ttl), [this] {
    look();
    keep_looking();
  });
}

seconds Parking::waited(const Job& job) const {
  return std::chrono::duration_cast<seconds>(now_() - job.waits_since);
}

void Parking::note(Job& job) {
  const auto now = static_cast<std::uint64_t>(waited(job).count());
  if (now == job.row.session.parked_seconds) return;
  job.row.session.parked_seconds = now;
  context_.ledger.set_waited(job.id(), now);
}

bool Parking::make_room(std::uint64_t bytes) {
  auto jobs = context_.jobs.all();
  std::erase_if(jobs, [](const Job* job) { return !job->parked() || job->row.upload.bytes_received == 0; });
  longest_first(jobs);
  std::uint64_t freed = 0;
  for (Job* job : jobs) {
    if (freed >= bytes) break;
    freed += job->row.upload.bytes_received;
    expire(*job, "the disk is full, and uploads under way needed its room");
  }
  return freed > 0;
}

void Parking::keep_bounded(const Job& newest) {
  const std::string user = newest.row.upload.origin;
  const std::size_t most = context_.config.limits.max_uploads_per_user;
  auto parked = context_.jobs.parked(user);
  if (parked.size() <= most) return;
  std::erase(parked, &newest);
  longest_first(parked);
  parked.resize(parked.size() + 1 - most);
  for (Job* job : parked)
    expire(*job, "user " + user + " has more than " + std::to_string(most) +
                     " interrupted uploads, and this one has waited longest");
}

void Parking::expire(Job& job, const std::string& why) {
  context_.end(job, ledger::State::expired,
               {wire::Code::timeout, "the interrupted upload has expired: " + why + "; send the file again"},
               false);
  context_.crash_after_commit(crash::kExpired);
}

}  // namespace dync::committer
