#include "committer/orphans.h"

#include "committer/detail.h"
#include "committer/parking.h"
#include "committer/staging.h"
#include "proto/posix/error.h"
#include "schema/ledger/events.h"

namespace dync::committer {

namespace events = ledger::events;
using std::chrono::seconds;

void Orphans::look() {
  const auto passed = std::chrono::duration_cast<seconds>(Clock::now() - counted_);
  counted_ += passed;
  look_at_orphans(static_cast<std::uint64_t>(passed.count()));
  look_at_kept(static_cast<std::uint64_t>(passed.count()));
}

void Orphans::look_at_orphans(std::uint64_t passed) {
  for (const ledger::Orphan& orphan : context_.ledger.read().orphans()) {
    const std::uint64_t waited = orphan.waited_seconds + passed;
    if (too_long(waited))
      expire(orphan);
    else if (passed > 0)
      context_.ledger.set_orphan_waited(orphan.directory, waited);
  }
}

// Data that is seen for the first time waits from now on.
void Orphans::look_at_kept(std::uint64_t passed) {
  for (const ledger::Row& row : context_.ledger.read().kept()) {
    const auto& before = row.session.parked_seconds;
    const std::uint64_t waited = before ? *before + passed : 0;
    if (too_long(waited))
      expire_kept(row.upload.upload_id);
    else if (waited != before)
      context_.ledger.set_waited(row.upload.upload_id, waited);
  }
}

bool Orphans::too_long(std::uint64_t waited) const {
  return waited >= static_cast<std::uint64_t>(context_.config.limits.partial_ttl.count());
}

void Orphans::keep_looking() {
  context_.later(look_every(context_.config.limits.partial_ttl), [this] {
    look();
    keep_looking();
  });
}

void Orphans::expire(const ledger::Orphan& orphan) {
  context_.ledger.drop_orphan(orphan.directory);
  remove(orphan.upload_id, orphan.directory, events::kOrphanExpired);
}

void Orphans::expire_kept(const Id& id) {
  context_.ledger.set_not_kept(id);
  remove(id, context_.staging(id), events::kKeptExpired);
}

// What the operator moved away, or gave another stamp, is none of ours any more.
void Orphans::remove(const Id& id, const Path& directory, const char* event) try {
  const auto stamp = stamp_of(directory);
  if (!stamp || stamp->ledger != context_.ledger_id) return;
  context_.event(id, event, detail({{"directory", directory.string()}}));
  context_.log.warning(std::string("staging.") + event,
                       {{"upload", id.hex()}, {"directory", directory.string()}});
  context_.remove(id, {directory});
} catch (const posix::Error& error) {
  context_.log.error("staging.orphan_stays", {{"directory", directory.string()}, {"error", error.what()}});
}

}  // namespace dync::committer
