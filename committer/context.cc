#include "committer/context.h"

#include "committer/crash_points.h"
#include "committer/detail.h"
#include "committer/publish.h"
#include "proto/posix/crash_point.h"
#include "schema/ledger/events.h"
#include "schema/names/names.h"

namespace dync::committer {

Path Context::staging(const Id& id) const {
  return names::staging_dir(tmp_dir(), id);
}

void Context::later(std::chrono::milliseconds delay, std::function<void()> action) const {
  loop.after(delay, [this, action = std::move(action)] { inbox.post(action); });
}

void Context::event(const Id& id, const char* name, const std::string& text) const {
  ledger.add_event(id, "committer", name, text);
}

void Context::crash_after_commit(const char* point) const {
  outbox.then([point] { posix::crash_point(point); });
}

void Context::fail(Job& job, const wire::Refusal& why, bool kept) const {
  outbox.to_receiver(ipc::Failed{job.id(), why});
  end(job, ledger::State::failed, why, kept);
}

void Context::record_end(const Id& id, ledger::State state, const wire::Refusal& why, bool kept) const {
  const auto code = static_cast<std::uint32_t>(why.code);
  ledger.set_ended(id, state, code, why.sentence, kept);
  if (state == ledger::State::failed)
    event(id, ledger::events::kFailed,
          detail({{"code", std::uint64_t{code}}, {"error", why.sentence}, {"kept", kept}}));
  else
    event(id, state == ledger::State::expired ? ledger::events::kExpired : ledger::events::kAborted,
          detail({{"code", std::uint64_t{code}}, {"error", why.sentence}}));
}

void Context::end(Job& job, ledger::State state, const wire::Refusal& why, bool kept) const {
  const Id id = job.id();
  record_end(id, state, why, kept);
  log.warning("upload.ended", {{"upload", id.hex()},
                               {"state", text_of(state)},
                               {"code", static_cast<std::uint32_t>(why.code)},
                               {"error", why.sentence}});
  for (const std::uint64_t request : job.waiters) outbox.to_receiver(ipc::Refused{request, why});
  if (kept)
    remove_elsewhere(job.row);
  else
    remove_staging(job.row);
  jobs.remove(id);
}

void Context::remove_staging(const Id& id) const {
  remove(id, {staging(id)});
}

// The copy goes first: as long as staging/ID is there, nothing is lost.
void Context::remove_staging(const ledger::Row& row) const {
  const Id& id = row.upload.upload_id;
  if (row.session.dropbox_staging)
    remove(id, {names::staging_dir(*row.session.dropbox_staging, id), staging(id)});
  else
    remove(id, {staging(id)});
}

void Context::remove_elsewhere(const ledger::Row& row) const {
  const Id& id = row.upload.upload_id;
  if (row.session.dropbox_staging) remove(id, {names::staging_dir(*row.session.dropbox_staging, id)});
}

void Context::remove(const Id& id, const std::vector<Path>& directories) const {
  outbox.then([this, id, directories] {
    slow.run(
        [directories] {
          for (const Path& directory : directories) {
            clean_up(directory);
            if (directories.size() > 1 && directory == directories.front())
              posix::crash_point(crash::kElsewhereGone);
          }
          return true;
        },
        [this, id](const Outcome<bool>& outcome) {
          if (const auto* failure = std::get_if<Failure>(&outcome))
            log.error("upload.not_cleaned", {{"upload", id.hex()}, {"error", failure->sentence}});
        });
  });
}

}  // namespace dync::committer
