#include "committer/plan.h"

#include "proto/digest/sha256.h"
#include "schema/names/names.h"

namespace dync::committer {
namespace {

std::vector<Sidecar> sidecars_of(const ledger::Upload& upload) {
  const std::string& item = upload.clean_name;
  return {{names::checksum_sidecar(item), digest::to_hex(upload.sha256.value()) + "\t" + item},
          {names::original_name_sidecar(item), upload.filename},
          {names::metadata_sidecar(item), upload.metadata},
          {names::kOriginFile, upload.origin}};
}

}  // namespace

rules::Access access_of(const ledger::Session& session) {
  return {.mode = session.mode, .group = session.group_id};
}

Plan make_plan(const ledger::Row& row, const Path& tmp_dir, Shape shape) {
  const ledger::Upload& upload = row.upload;
  Plan plan{.upload = upload.upload_id,
            .staging = names::staging_dir(tmp_dir, upload.upload_id),
            .dropbox = Path(upload.destination).parent_path(),
            .item = upload.clean_name,
            .shape = shape,
            .sidecars = {},
            .access = access_of(row.session)};
  if (shape == Shape::file) plan.sidecars = sidecars_of(upload);
  return plan;
}

}  // namespace dync::committer
