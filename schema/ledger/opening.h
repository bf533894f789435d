#pragma once

#include <chrono>
#include <memory>

#include "proto/posix/fd.h"
#include "schema/ledger/reader.h"

// Internal to the ledger: how the one writer gets at the file.
namespace dync::ledger {

posix::Fd take_lock(const Path& file, std::chrono::milliseconds wait);
std::shared_ptr<Connection> open_for_writing(const Path& file);

// What stood in the file before it was migrated.
enum class Before { nothing, a_ledger };
Before migrate(Connection& connection);

}  // namespace dync::ledger
