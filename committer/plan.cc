#include "committer/plan.h"

#include <numeric>

#include "proto/digest/sha256.h"
#include "schema/names/names.h"
#include "schema/names/published.h"

namespace dync::committer {
namespace {

std::vector<Sidecar> sidecars_of(const ledger::Upload& upload) {
  const std::string& item = upload.clean_name;
  return {{names::checksum_sidecar(item), names::checksum_line(digest::to_hex(upload.sha256.value()), item)},
          {names::original_name_sidecar(item), upload.filename},
          {names::metadata_sidecar(item), upload.metadata},
          {names::kOriginFile, upload.origin}};
}

}  // namespace

rules::Access access_of(const ledger::Session& session) {
  return {.mode = session.mode, .group = session.group_id};
}

Path Plan::out() const {
  return elsewhere.value_or(staging) / names::kOut;
}

std::uint64_t Plan::total() const {
  if (shape == Shape::file) return bytes;
  return std::accumulate(members.begin(), members.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const ledger::Member& member) { return sum + member.size; });
}

Plan make_plan(const ledger::Row& row, const Path& tmp_dir, Shape shape,
               std::vector<ledger::Member> members) {
  const ledger::Upload& upload = row.upload;
  Plan plan{.upload = upload.upload_id,
            .staging = names::staging_dir(tmp_dir, upload.upload_id),
            .elsewhere = {},
            .dropbox = Path(upload.destination).parent_path(),
            .item = upload.clean_name,
            .shape = shape,
            .sidecars = {},
            .access = access_of(row.session),
            .bytes = upload.bytes_received,
            .sha256 = upload.sha256.value_or(digest::Digest{}),
            .members = std::move(members)};
  if (row.session.dropbox_staging)
    plan.elsewhere = names::staging_dir(*row.session.dropbox_staging, upload.upload_id);
  if (shape == Shape::file) plan.sidecars = sidecars_of(upload);
  return plan;
}

}  // namespace dync::committer
