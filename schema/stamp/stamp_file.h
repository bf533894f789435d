#pragma once

#include <optional>

#include "schema/names/names.h"

// The file names::kStamp in a directory of staging tells of which ledger's which upload the directory is.
namespace dync::stamp {

// Nothing if the directory has no regular file of that name, or one that dync did not write. Never waits,
// also where somebody put a FIFO there. Throws posix::Error.
std::optional<names::Stamp> read_at(int directory);

}  // namespace dync::stamp
