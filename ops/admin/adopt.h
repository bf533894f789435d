#pragma once

#include <optional>
#include <vector>

#include "ops/admin/report.h"
#include "schema/config/config.h"
#include "schema/ledger/reader.h"

namespace dync::admin {

// Makes staging directories of another ledger ours, by their stamps: of `other`, or of all that the server
// does not leave alone. Each is durable by itself, so it may be run again after a crash. Throws
// std::runtime_error if the server runs, and posix::Error.
std::vector<Adopted> adopt(const config::Config& config, const ledger::Reader& reader,
                           const std::optional<ledger::Id>& other);

}  // namespace dync::admin
