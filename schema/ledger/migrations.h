#pragma once

#include <span>

// Internal to the ledger: migrations/NNNN.sql, embedded by the build. Number N takes a ledger of user_version
// N - 1 to N. One that was released never changes.
namespace dync::ledger {

std::span<const char* const> migrations();

}  // namespace dync::ledger
