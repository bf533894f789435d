#pragma once

#include "schema/ledger/connection.h"
#include "schema/ledger/records.h"

// Internal to the ledger: the columns of statements.h as values. Error if the file holds what none of our
// statements writes.
namespace dync::ledger {

Row row_from(const Query& query);
Id id_from(const Query& query, int column);
Event event_from(const Query& query);
Member member_from(const Query& query);
Checkpoint checkpoint_from(const Query& query);
State state_from(const Query& query, int column);

std::string blob_of(const digest::Midstate& state);  // eight big-endian words

}  // namespace dync::ledger
