#include "committer/staging.h"

#include <fcntl.h>

#include "committer/crash_points.h"
#include "proto/posix/crash_point.h"
#include "proto/posix/error.h"
#include "schema/stamp/stamp_file.h"

namespace dync::committer {
namespace {

std::optional<Staged> stamped_at(int staging, const std::string& name) {
  if (!names::staged_upload(name)) return std::nullopt;
  const auto info = posix::find_at(staging, name);
  if (!info || info->type != posix::FileType::directory) return std::nullopt;
  const posix::Fd directory = posix::open_directory_at(staging, name);
  const auto stamp = stamp::read_at(directory.get());
  if (!stamp || stamp->upload.hex() != name) return std::nullopt;
  const auto data = posix::find_at(directory.get(), names::kStagedData);
  const std::uint64_t bytes = data ? data->size : 0;
  return Staged{*stamp, bytes > 0 || posix::find_at(directory.get(), names::kOut).has_value(), bytes};
}

}  // namespace

void ensure_directory(int parent, const std::string& name) {
  try {
    posix::make_directory_at(parent, name, kDirectoryMode);
  } catch (const posix::Error& error) {
    if (error.kind() != posix::Kind::exists) throw;
  }
}

namespace {

posix::Fd write_stamp(int staging, const std::string& name, const names::Stamp& stamp) {
  posix::Fd directory = posix::open_directory_at(staging, name);
  posix::write_file_at(directory.get(), names::kStamp, names::format_stamp(stamp), kFileMode);
  return directory;
}

posix::Fd make_new(int staging, const names::Stamp& stamp) {
  const std::string making = names::in_the_making(stamp);
  try {
    ensure_directory(staging, making);
    posix::Fd directory = write_stamp(staging, making, stamp);
    posix::crash_point(crash::kMaking);
    posix::rename_no_replace(staging, making, staging, stamp.upload.hex());
    return directory;
  } catch (const posix::Error&) {
    posix::remove_tree_at(staging, making);
    throw;
  }
}

// Its fsync is the caller's.
posix::Fd make_stamped(int staging, const names::Stamp& stamp) {
  const std::string name = stamp.upload.hex();
  return posix::find_at(staging, name) ? write_stamp(staging, name, stamp) : make_new(staging, stamp);
}

}  // namespace

void make_staging(const Path& tmp_dir, const names::Stamp& stamp) {
  const posix::Fd parent = posix::open_directory(tmp_dir);
  const posix::Fd directory = make_stamped(parent.get(), stamp);
  posix::open_at(directory.get(), names::kStagedData, O_WRONLY | O_CREAT, kFileMode);
  posix::sync_all(directory.get());
  posix::sync_all(parent.get());
  posix::crash_point(crash::kStaged);
}

void make_elsewhere(const Path& dropbox_staging, const names::Stamp& stamp) {
  const posix::Fd above = posix::open_directory(dropbox_staging.parent_path());
  ensure_directory(above.get(), dropbox_staging.filename().string());
  posix::sync_all(above.get());
  const posix::Fd parent = posix::open_directory(dropbox_staging);
  posix::sync_all(make_stamped(parent.get(), stamp).get());
  posix::sync_all(parent.get());
  posix::crash_point(crash::kElsewhere);
}

std::optional<names::Stamp> stamp_of(const Path& directory) {
  if (!posix::find(directory)) return std::nullopt;
  const auto staged =
      stamped_at(posix::open_directory(directory.parent_path()).get(), directory.filename().string());
  return staged ? std::optional(staged->stamp) : std::nullopt;
}

Stagings look_through(const Path& staging) {
  Stagings found;
  const posix::Fd directory = posix::open_directory(staging);
  posix::each_entry(directory.get(), [&](const std::string& name) {
    try {
      if (auto staged = stamped_at(directory.get(), name)) found.stamped.push_back(*staged);
    } catch (const posix::Error& error) {
      if (error.kind() == posix::Kind::exhausted) throw;
      // Removed meanwhile, or not ours to read: somebody else's.
      if (error.kind() != posix::Kind::not_found && error.kind() != posix::Kind::denied)
        found.unreadable.push_back({name, error.what()});
    }
  });
  return found;
}

std::vector<ledger::Id> named(const Path& staging) {
  std::vector<ledger::Id> found;
  posix::each_entry(staging, [&](const std::string& name) {
    if (const auto id = names::staged_upload(name)) found.push_back(*id);
  });
  return found;
}

void remove_if_empty(const Path& staging, const ledger::Id& upload) {
  posix::remove_empty_directory_at(posix::open_directory(staging).get(), upload.hex());
}

void set_aside(const Path& staging, const ledger::Id& upload) {
  const posix::Fd parent = posix::open_directory(staging);
  ensure_directory(parent.get(), names::kOrphans);
  const posix::Fd orphans = posix::open_directory_at(parent.get(), names::kOrphans);
  posix::rename_no_replace(parent.get(), upload.hex(), orphans.get(), upload.hex());
  posix::sync_all(orphans.get());
  posix::sync_all(parent.get());
}

Readiness inspect_data(const Path& staging, std::uint64_t size) {
  const posix::Fd directory = posix::open_directory(staging);
  if (!posix::find_at(directory.get(), names::kStagedData)) return Readiness::gone;
  const posix::Fd data = posix::open_at(directory.get(), names::kStagedData, O_RDONLY);
  if (!posix::nobody_writes(data.get())) return Readiness::busy;
  return posix::info_of(data.get()).size == size ? Readiness::ready : Readiness::wrong_size;
}

}  // namespace dync::committer
