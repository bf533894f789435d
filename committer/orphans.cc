#include "committer/orphans.h"

#include "committer/detail.h"
#include "committer/parking.h"
#include "committer/staging.h"
#include "proto/posix/error.h"
#include "schema/ledger/events.h"

namespace dync::committer {

using std::chrono::seconds;

void Orphans::look() {
  const auto passed = std::chrono::duration_cast<seconds>(Clock::now() - counted_);
  counted_ += passed;
  for (const ledger::Orphan& orphan : context_.ledger.read().orphans()) {
    const std::uint64_t waited = orphan.waited_seconds + static_cast<std::uint64_t>(passed.count());
    if (waited >= static_cast<std::uint64_t>(context_.config.limits.partial_ttl.count()))
      expire(orphan);
    else if (passed > seconds(0))
      context_.ledger.set_orphan_waited(orphan.directory, waited);
  }
}

void Orphans::keep_looking() {
  context_.later(look_every(context_.config.limits.partial_ttl), [this] {
    look();
    keep_looking();
  });
}

// What the operator moved away, or gave another stamp, is none of ours any more.
void Orphans::expire(const ledger::Orphan& orphan) try {
  context_.ledger.drop_orphan(orphan.directory);
  const auto stamp = stamp_of(orphan.directory);
  if (!stamp || stamp->ledger != context_.ledger_id) return;
  const std::string directory = orphan.directory.string();
  context_.event(orphan.upload_id, ledger::events::kOrphanExpired, detail({{"directory", directory}}));
  context_.log.warning("staging.orphan_expired",
                       {{"upload", orphan.upload_id.hex()}, {"directory", directory}});
  context_.remove(orphan.upload_id, {orphan.directory});
} catch (const posix::Error& error) {
  context_.log.error("staging.orphan_stays",
                     {{"directory", orphan.directory.string()}, {"error", error.what()}});
}

}  // namespace dync::committer
