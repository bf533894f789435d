#include "ops/admin/verify_parts.h"
#include "proto/posix/file.h"
#include "schema/names/names.h"

namespace dync::admin {
namespace {

using posix::FileType;

// The original made no metadata sidecar: a directory with one is of this server's making.
bool is_of_our_making(const Path& place) {
  const auto there = [&](const Path& name) { return posix::find(place / name).has_value(); };
  return there(names::metadata_sidecar(place.filename().string())) && there(names::kOriginFile);
}

// A directory without a row, or a marker without an item.
Differences check_unclaimed(const Path& place, bool item, const Path& marker, bool has_marker) {
  if (item && is_of_our_making(place))
    return {{place, {}, "has the files of a dync server, but no upload in the ledger published it"}};
  if (!item && has_marker) return {{marker, {}, "is a marker without its item"}};
  return {};
}

Differences check_marker(const Path& marker, const ledger::Id& id) {
  const auto info = posix::find(marker);
  if (!info || (info->type == FileType::regular && info->size == 0)) return {};
  return {{marker, id, "is no empty file, as a marker is"}};
}

}  // namespace

Path real_place(const Path& destination) {
  return posix::real_path(destination.parent_path()) / destination.filename();
}

Claims::Claims(const ledger::Reader& reader) {
  std::map<Path, Path> dropboxes;  // each is looked up once
  for (const ledger::Claim& claim : reader.claims()) {
    Path& real = dropboxes[claim.destination.parent_path()];
    if (real.empty()) real = posix::real_path(claim.destination.parent_path());
    all_[real / claim.destination.filename()].push_back(claim.upload_id);
  }
}

std::vector<ledger::Id> Claims::of(const Path& place) const {
  const auto found = all_.find(place);
  return found == all_.end() ? std::vector<ledger::Id>{} : found->second;
}

Differences check_place(const ledger::Reader& reader, const Path& place,
                        const std::vector<ledger::Id>& claims) {
  const Path marker = place.parent_path() / names::marker(place.filename().string());
  const bool item = posix::find(place).has_value();
  const bool has_marker = posix::find(marker).has_value();
  if (claims.empty()) return check_unclaimed(place, item, marker, has_marker);
  Differences newest;
  for (auto id = claims.rbegin(); id != claims.rend(); ++id) {
    const auto upload = reader.upload(*id);
    // On its way there: nothing can be said of the place now.
    if (!upload || upload->state != ledger::State::committed) return {};
    if (!item && has_marker) return {{marker, *id, "is a marker without its item"}};
    if (!item) return {};
    auto found = check_item(reader, *upload, place, has_marker);
    if (found.empty()) return check_marker(marker, *id);
    if (newest.empty()) newest = std::move(found);
  }
  return newest;
}

}  // namespace dync::admin
