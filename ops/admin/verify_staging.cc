#include <fcntl.h>

#include "ops/admin/verify_parts.h"
#include "proto/posix/file.h"
#include "schema/names/names.h"

namespace dync::admin {
namespace {

using ledger::State;

std::optional<std::uint64_t> size_of(const Path& file) {
  const auto info = posix::find(file);
  return info && info->type == posix::FileType::regular ? std::optional(info->size) : std::nullopt;
}

bool has_stamp(const Path& directory, const names::Stamp& stamp) {
  if (!size_of(directory / names::kStamp)) return false;
  return posix::read_file(directory / names::kStamp, names::kLongestStamp) == names::format_stamp(stamp);
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

Differences check_live(const ledger::Row& row, const Path& directory, bool there, bool stamped) {
  const ledger::Id& id = row.upload.upload_id;
  if (!there)
    return {{directory, id, "is missing, but its upload is " + std::string(text_of(row.upload.state))}};
  if (!stamped) return {{directory, id, "has no stamp of its upload"}};
  return check_data(row, directory);
}

Differences left_over(const Path& directory, const ledger::Upload& upload) {
  return {{directory, upload.upload_id,
           "is left over of an upload that is " + std::string(text_of(upload.state))}};
}

}  // namespace

Differences check_staging(const config::Config& config, const ledger::Reader& reader, const ledger::Id& id) {
  const Path directory = names::staging_dir(config.storage.tmp_dir, id);
  const auto info = posix::find(directory);
  const bool there = info && info->type == posix::FileType::directory;
  const bool stamped = there && has_stamp(directory, {reader.ledger_id(), id});
  const auto row = reader.row(id);
  if (!row && stamped) return {{directory, id, "is staged, but the ledger has no such upload"}};
  if (!row) return {};
  if (ledger::is_live(row->upload.state)) return check_live(*row, directory, there, stamped);
  if (row->session.kept || !there) return {};
  if (!stamped && !holds_nothing(directory)) return {};
  return left_over(directory, row->upload);
}

Differences check_elsewhere(const ledger::Reader& reader, const Path& directory, const ledger::Id& id) {
  const auto info = posix::find(directory);
  const bool there = info && info->type == posix::FileType::directory;
  const bool stamped = there && has_stamp(directory, {reader.ledger_id(), id});
  const auto row = reader.row(id);
  if (!row && stamped) return {{directory, id, "is staged, but the ledger has no such upload"}};
  if (!row) return {};
  // Until the upload is `committing` the copy is made again from scratch.
  if (row->upload.state == State::committing) return check_live(*row, directory, there, stamped);
  if (ledger::is_live(row->upload.state) || !there || (!stamped && !holds_nothing(directory))) return {};
  return left_over(directory, row->upload);
}

}  // namespace dync::admin
