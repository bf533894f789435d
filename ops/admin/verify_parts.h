#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ops/admin/report.h"
#include "proto/posix/file.h"
#include "schema/config/config.h"
#include "schema/ledger/reader.h"

// Internal to verify: how one place and one staging directory are looked at.
namespace dync::admin {

using posix::Path;
using Differences = std::vector<Difference>;

// Where items lie, as far as the ledger knows: each destination with the uploads that it had, oldest first.
// Destinations go by the real path of their dropbox, however the config spelt it at that time.
class Claims {
 public:
  explicit Claims(const ledger::Reader& reader);
  const std::map<Path, std::vector<ledger::Id>>& all() const noexcept { return all_; }
  std::vector<ledger::Id> of(const Path& place) const;

 private:
  std::map<Path, std::vector<ledger::Id>> all_;
};
// DROPBOX/ITEM with the real path of DROPBOX.
Path real_place(const Path& destination);

// What lies at a place, or should. A consumer may take item and marker away; an item without its marker is in
// its hands, and then only what is there has to be right.
Differences check_place(const ledger::Reader& reader, const Path& place,
                        const std::vector<ledger::Id>& claims);

// An item against the row of one upload that published it. `complete`: nothing may be missing, nor be too
// much.
Differences check_item(const ledger::Reader& reader, const ledger::Upload& upload, const Path& place,
                       bool complete);

// TMP_DIR/ID, whether it is there or not.
Differences check_staging(const config::Config& config, const ledger::Reader& reader, const ledger::Id& id);

// DROPBOX_STAGING/ID, whether it is there or not.
Differences check_elsewhere(const ledger::Reader& reader, const Path& directory, const ledger::Id& id);

}  // namespace dync::admin
