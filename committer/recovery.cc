#include "committer/recovery.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include "committer/crash_points.h"
#include "committer/detail.h"
#include "committer/staging.h"
#include "proto/posix/crash_point.h"
#include "proto/posix/error.h"
#include "proto/posix/process.h"
#include "proto/service/worker.h"
#include "schema/ledger/events.h"

namespace dync::committer {
namespace {

using ledger::State;

std::map<Id, std::vector<Id>> uploads_of_others(const Context& context, const std::vector<Staged>& staged) {
  std::map<Id, std::vector<Id>> others;
  for (const Staged& one : staged)
    if (one.stamp.ledger != context.ledger_id) others[one.stamp.ledger].push_back(one.stamp.upload);
  return others;
}

[[noreturn]] void refuse(const Context& context, const Id& other, const std::vector<Id>& uploads) {
  throw service::Misconfigured(
      "ledger " + context.config.ledger.string() + " has the id " + context.ledger_id.hex() + ", but " +
      std::to_string(uploads.size()) + " uploads staged in " + context.tmp_dir().string() + ", such as " +
      uploads.front().hex() + ", belong to the ledger " + other.hex() +
      "; bring that ledger back, or take its uploads over with dync-admin adopt, or leave them alone with "
      "dync-server --fresh");
}

// Either the ledger or the staging directory is the wrong one, unless the operator said that both are right.
void judge_others(const Context& context, const std::vector<Staged>& staged, bool fresh) {
  auto left_alone = context.ledger.read().left_alone();
  for (const auto& [other, uploads] : uploads_of_others(context, staged)) {
    if (left_alone.contains(other)) continue;
    if (!fresh) refuse(context, other, uploads);
    left_alone.insert(other);
    context.ledger.set_left_alone(left_alone);
    context.ledger.add_event(std::nullopt, "committer", ledger::events::kLeftAlone,
                             detail({{"ledger", other.hex()}, {"uploads", std::uint64_t{uploads.size()}}}));
  }
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

void set_aside_orphan(const Context& context, const Path& staging, const Staged& staged) {
  const Id& id = staged.stamp.upload;
  // Died between stamp and row.
  if (!staged.has_data) return context.remove(id, {names::staging_dir(staging, id)});
  if (!done(context, id, [&] { set_aside(staging, id); })) return;
  posix::crash_point(crash::kSetAside);
  const std::string directory = (staging / names::kOrphans / id.hex()).string();
  context.ledger.add_orphan(directory, id);
  context.event(id, ledger::events::kOrphaned, detail({{"directory", directory}}));
  context.log.error("staging.orphaned", {{"upload", id.hex()}, {"directory", directory}});
}

void tidy(const Context& context, const std::vector<Staged>& staged) {
  for (const Staged& one : staged) {
    if (one.stamp.ledger != context.ledger_id) continue;
    const auto row = context.ledger.read().row(one.stamp.upload);
    if (!row)
      set_aside_orphan(context, context.tmp_dir(), one);
    else if (!is_live(row->upload.state) && !row->session.kept)
      context.remove_staging(one.stamp.upload);
  }
}

// Without a stamp only an ended row of ours can say that an empty directory was one of ours.
void tidy_empty(const Context& context, const Path& staging) {
  for (const Id& id : named(staging)) {
    const auto row = context.ledger.read().row(id);
    if (row && !is_live(row->upload.state)) done(context, id, [&] { remove_if_empty(staging, id); });
  }
}

void not_tidied(const Context& context, const Path& directory, const std::string& error) {
  context.log.error("staging.not_tidied", {{"directory", directory.string()}, {"error", error}});
}

// Its making ended before anything in it counted.
void remove_unmade(const Context& context, const Path& staging) {
  posix::each_entry(staging, [&](const std::string& name) {
    if (!names::is_in_the_making(name, context.ledger_id)) return;
    try {
      posix::remove_tree_at(posix::open_directory(staging).get(), name);
    } catch (const posix::Error& error) {
      not_tidied(context, staging / name, error.what());
    }
  });
}

// One directory's trouble must not keep the server from starting.
Stagings look_at(const Context& context, const Path& staging) {
  Stagings found = look_through(staging);
  for (const Unreadable& one : found.unreadable) not_tidied(context, staging / one.name, one.error);
  return found;
}

// Of those that are there already the ledger may not know.
void note_orphans(const Context& context, const Path& staging) try {
  const Path orphans = staging / names::kOrphans;
  if (!posix::find(orphans)) return;
  for (const Staged& one : look_at(context, orphans).stamped)
    if (one.stamp.ledger == context.ledger_id)
      context.ledger.add_orphan(orphans / one.stamp.upload.hex(), one.stamp.upload);
} catch (const posix::Error& error) {
  if (error.kind() == posix::Kind::exhausted) throw;
  not_tidied(context, staging / names::kOrphans, error.what());
}

bool lies_in(const ledger::Row& row, const Path& staging) {
  const auto& own = row.session.dropbox_staging;
  return own && posix::real_path(*own) == posix::real_path(staging);
}

// A dropbox's own staging: of a live upload it holds what is published next, or will be copied again. Another
// ledger's is another server's.
void tidy_elsewhere(const Context& context, const Path& staging) try {
  const Stagings found = look_at(context, staging);
  for (const Staged& one : found.stamped) {
    if (one.stamp.ledger != context.ledger_id) continue;
    const Id& id = one.stamp.upload;
    const auto row = context.ledger.read().row(id);
    if (!row)
      set_aside_orphan(context, staging, one);
    else if (!is_live(row->upload.state) || !lies_in(*row, staging))
      context.remove(id, {names::staging_dir(staging, id)});
  }
  tidy_empty(context, staging);
  remove_unmade(context, staging);
  note_orphans(context, staging);
} catch (const posix::Error& error) {
  not_tidied(context, staging, error.what());
}

// Nothing where it is missing, or can't be searched now.
std::optional<Path> own_staging(const Context& context, const ledger::Row& row) {
  const auto& own = row.session.dropbox_staging;
  if (!own) return std::nullopt;
  try {
    return posix::find(*own) ? std::optional(posix::real_path(*own)) : std::nullopt;
  } catch (const posix::Error& error) {
    not_tidied(context, *own, error.what());
    return std::nullopt;
  }
}

// Those of the config, and those of uploads that began under an earlier one.
std::set<Path> dropbox_stagings(const Context& context) {
  const auto of_config =
      config::dropbox_stagings(context.config.storage, [&](const Path& directory, const posix::Error& error) {
        not_tidied(context, directory, error.what());
      });
  std::set<Path> all(of_config.begin(), of_config.end());
  for (const auto& row : context.ledger.read().live())
    if (auto own = own_staging(context, row)) all.insert(std::move(*own));
  return all;
}

// What TMP_DIR has, by upload.
class TmpDir {
 public:
  TmpDir(const Stagings& found, const Id& ledger) {
    for (const Staged& one : found.stamped) {
      if (one.stamp.ledger == ledger)
        bytes_[one.stamp.upload] = one.data_bytes;
      else
        of_others_.insert(one.stamp.upload);
    }
    for (const Unreadable& one : found.unreadable)
      if (const auto id = names::staged_upload(one.name)) unreadable_.insert(*id);
  }
  bool is_of_another(const Id& id) const { return of_others_.contains(id); }
  bool is_unreadable(const Id& id) const { return unreadable_.contains(id); }
  // Of the staged data; nothing if there is no directory of ours.
  std::optional<std::uint64_t> bytes(const Id& id) const {
    const auto found = bytes_.find(id);
    return found == bytes_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::map<Id, std::uint64_t> bytes_;
  std::set<Id> of_others_;
  std::set<Id> unreadable_;
};

// Adopted by another ledger, which goes on with it: not a byte of it is ours any more.
void end_taken(const Context& context, const ledger::Row& row) {
  const Id& id = row.upload.upload_id;
  context.record_end(id, State::failed,
                     {wire::Code::internal,
                      "what had arrived now belongs to another ledger of the server; send the file again"},
                     false);
  context.log.error("staging.of_another_ledger",
                    {{"upload", id.hex()}, {"directory", context.staging(id).string()}});
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

void recover(const Context& context, Uploads& uploads, bool fresh) {
  const Stagings found = look_at(context, context.tmp_dir());
  const auto& staged = found.stamped;
  judge_others(context, staged, fresh);
  posix::crash_point(crash::kRecovering);
  const bool same_boot = context.ledger.read().boot_id() == posix::boot_id();
  context.ledger.set_boot_id(posix::boot_id());
  tidy(context, staged);
  tidy_empty(context, context.tmp_dir());
  remove_unmade(context, context.tmp_dir());
  note_orphans(context, context.tmp_dir());
  for (const Path& staging : dropbox_stagings(context)) tidy_elsewhere(context, staging);
  const TmpDir tmp_dir(found, context.ledger_id);
  for (auto& row : context.ledger.read().live()) {
    if (row.upload.state == State::receiving) {
      if (tmp_dir.is_of_another(row.upload.upload_id)) {
        end_taken(context, row);
        continue;
      }
      if (!tmp_dir.is_unreadable(row.upload.upload_id))
        mend(context, row, tmp_dir.bytes(row.upload.upload_id));
      if (!same_boot) cut(context, row);
    }
    uploads.recover(std::move(row));
  }
}

}  // namespace dync::committer
