#include "committer/recovery.h"

#include <functional>
#include <optional>
#include <stdexcept>
#include <unordered_map>

#include "committer/crash_points.h"
#include "committer/detail.h"
#include "committer/staging.h"
#include "proto/posix/crash_point.h"
#include "proto/posix/error.h"
#include "proto/posix/process.h"
#include "schema/ledger/events.h"

namespace dync::committer {
namespace {

using ledger::State;

void refuse_foreign(const Context& context, const std::vector<Staged>& staged) {
  for (const Staged& one : staged)
    if (one.stamp.ledger != context.ledger_id)
      throw std::runtime_error("ledger " + context.config.ledger.string() + " has the id " +
                               context.ledger_id.hex() + ", but the upload staged in " +
                               context.staging(one.stamp.upload).string() + " belongs to the ledger " +
                               one.stamp.ledger.hex() +
                               "; bring that ledger back, or move the staged uploads away");
}

// One upload's trouble must not keep the others from being served.
bool done(const Context& context, const Id& id, const std::function<void()>& work) {
  try {
    work();
    return true;
  } catch (const posix::Error& error) {
    context.log.error("staging.not_mended", {{"upload", id.hex()}, {"error", error.what()}});
    return false;
  }
}

void set_aside_orphan(const Context& context, const Staged& staged) {
  const Id& id = staged.stamp.upload;
  if (!staged.has_data) return context.remove_staging(id);  // died between stamp and row
  if (!done(context, id, [&] { set_aside(context.tmp_dir(), id); })) return;
  posix::crash_point(crash::kSetAside);
  const std::string directory = (context.tmp_dir() / names::kOrphans / id.hex()).string();
  context.event(id, ledger::events::kOrphaned, detail({{"directory", directory}}));
  context.log.error("staging.orphaned", {{"upload", id.hex()}, {"directory", directory}});
}

void tidy(const Context& context, const std::vector<Staged>& staged) {
  for (const Staged& one : staged) {
    const auto row = context.ledger.read().row(one.stamp.upload);
    if (!row)
      set_aside_orphan(context, one);
    else if (!is_live(row->upload.state) && !row->session.kept)
      context.remove_staging(one.stamp.upload);
  }
}

// Without a stamp only an ended row of ours can say that an empty directory was one of ours.
void tidy_empty(const Context& context) {
  for (const Id& id : named(context.tmp_dir())) {
    const auto row = context.ledger.read().row(id);
    if (row && !is_live(row->upload.state))
      done(context, id, [&] { remove_if_empty(context.tmp_dir(), id); });
  }
}

// What was written and not synced died with the machine: the receiver cuts the file before any use.
void cut(const Context& context, ledger::Row& row) {
  const std::uint64_t durable = row.session.durable_bytes;
  if (row.upload.bytes_received == durable) return;
  context.event(row.upload.upload_id, ledger::events::kCut,
                detail({{"bytes", durable}, {"written", row.upload.bytes_received}}));
  row.upload.bytes_received = durable;
  context.ledger.set_progress(row.upload.upload_id, durable);
}

// Only what was synced is sure to be there; if it is not, somebody took it away.
void mend(const Context& context, ledger::Row& row, std::optional<std::uint64_t> staged_bytes) {
  const Id& id = row.upload.upload_id;
  // A power cut may take the files of a row that was told to nobody; it starts at 0.
  if (!staged_bytes) {
    done(context, id, [&] { make_staging(context.tmp_dir(), {context.ledger_id, id}); });
    posix::crash_point(crash::kMended);
  }
  const std::uint64_t durable = row.session.durable_bytes;
  if (staged_bytes.value_or(0) >= durable) return;
  context.ledger.set_lost(id);
  row.session.durable_bytes = 0;
  row.upload.bytes_received = 0;
  context.event(id, ledger::events::kLost, detail({{"bytes", durable}}));
  context.log.error("staging.bytes_lost", {{"upload", id.hex()}, {"bytes", durable}});
}

}  // namespace

void recover(const Context& context, Uploads& uploads) {
  const auto staged = stamped(context.tmp_dir());
  refuse_foreign(context, staged);
  posix::crash_point(crash::kRecovering);
  const bool same_boot = context.ledger.read().boot_id() == posix::boot_id();
  context.ledger.set_boot_id(posix::boot_id());
  tidy(context, staged);
  tidy_empty(context);
  std::unordered_map<Id, std::uint64_t> there;
  for (const Staged& one : staged) there[one.stamp.upload] = one.data_bytes;
  for (auto& row : context.ledger.read().live()) {
    if (row.upload.state == State::receiving) {
      const auto found = there.find(row.upload.upload_id);
      mend(context, row, found == there.end() ? std::nullopt : std::optional(found->second));
      if (!same_boot) cut(context, row);
    }
    uploads.recover(std::move(row));
  }
}

}  // namespace dync::committer
