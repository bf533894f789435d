#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ops/admin/report.h"
#include "proto/posix/file.h"
#include "schema/config/config.h"
#include "schema/ledger/reader.h"

// The ledger against the disk: reads both, changes neither.
namespace dync::admin {

using posix::Path;

// Looks at everything, or at one upload. It may run beside the server and beside consumers: what looks wrong
// is looked at again, with the ledger read anew, until it can be no step that was under way. posix::Error
// where storage.tmp_dir can't be read; what else can't be read is a difference.
Verified verify(const config::Config& config, const ledger::Reader& reader,
                const std::optional<ledger::Id>& only);

}  // namespace dync::admin
