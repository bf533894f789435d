#include "ops/admin/verify_parts.h"
#include "proto/posix/file.h"
#include "schema/names/names.h"
#include "schema/stamp/stamp_file.h"

namespace dync::admin {
namespace {

using ledger::State;

std::optional<std::uint64_t> size_of(const Path& file) {
  const auto info = posix::find(file);
  return info && info->type == posix::FileType::regular ? std::optional(info->size) : std::nullopt;
}

// What lies at a staging directory's path. `stamped`: by us, for that upload.
struct Found {
  bool there = false;
  bool stamped = false;
};

Found look_at(const ledger::Reader& reader, const Path& directory, const ledger::Id& id) {
  const auto info = posix::find(directory);
  if (!info || info->type != posix::FileType::directory) return {};
  const auto stamp = stamp::read_at(posix::open_directory(directory).get());
  return {true, stamp && stamp->ledger == reader.ledger_id() && stamp->upload == id};
}

bool holds_nothing(const Path& directory) {
  bool empty = true;
  posix::each_entry(directory, [&](const std::string&) { empty = false; });
  return empty;
}

std::string bytes_of(const std::optional<std::uint64_t>& size) {
  return size ? "has " + std::to_string(*size) + " bytes" : std::string("is missing");
}

// The data of a live upload: what is acknowledged, or all of it.
Differences check_data(const ledger::Row& row, const Path& directory) {
  const ledger::Upload& upload = row.upload;
  const ledger::Session& session = row.session;
  const Path staged = directory / names::kStagedData;
  const auto size = size_of(staged);
  const auto differs = [&](std::uint64_t wanted) -> Differences {
    return {{staged, upload.upload_id,
             bytes_of(size) + ", the ledger says " + std::to_string(wanted) + " bytes"}};
  };
  if (upload.state == State::receiving)
    return size.value_or(0) < session.durable_bytes ? differs(session.durable_bytes) : Differences{};
  if (upload.state == State::committing || size == upload.bytes_received) return {};
  // Step 5 moves it there.
  if (size_of(directory / names::kOut / upload.clean_name / upload.clean_name) == upload.bytes_received &&
      upload.state != State::received)
    return {};
  return differs(upload.bytes_received);
}

Differences check_live(const ledger::Row& row, const Path& directory, const Found& found) {
  const ledger::Id& id = row.upload.upload_id;
  if (!found.there)
    return {{directory, id, "is missing, but its upload is " + std::string(text_of(row.upload.state))}};
  if (!found.stamped) return {{directory, id, "has no stamp of its upload"}};
  return check_data(row, directory);
}

// Of an upload that needs it no more.
Differences check_ended(const ledger::Upload& upload, const Path& directory, const Found& found) {
  if (!found.there || (!found.stamped && !holds_nothing(directory))) return {};
  return {{directory, upload.upload_id,
           "is left over of an upload that is " + std::string(text_of(upload.state))}};
}

Differences check_unknown(const Path& directory, const ledger::Id& id, const Found& found) {
  return found.stamped ? Differences{{directory, id, "is staged, but the ledger has no such upload"}}
                       : Differences{};
}

}  // namespace

Differences check_staging(const config::Config& config, const ledger::Reader& reader, const ledger::Id& id) {
  const Path directory = names::staging_dir(config.storage.tmp_dir, id);
  const Found found = look_at(reader, directory, id);
  const auto row = reader.row(id);
  if (!row) return check_unknown(directory, id, found);
  if (ledger::is_live(row->upload.state)) return check_live(*row, directory, found);
  return row->session.kept ? Differences{} : check_ended(row->upload, directory, found);
}

Differences check_elsewhere(const ledger::Reader& reader, const Path& directory, const ledger::Id& id) {
  const Found found = look_at(reader, directory, id);
  const auto row = reader.row(id);
  if (!row) return check_unknown(directory, id, found);
  // Until the upload is `committing` the copy is made again from scratch.
  if (row->upload.state == State::committing) return check_live(*row, directory, found);
  return ledger::is_live(row->upload.state) ? Differences{} : check_ended(row->upload, directory, found);
}

}  // namespace dync::admin
