#pragma once

#include "committer/job.h"
#include "proto/ipc/messages.h"
#include "schema/rules/rules.h"

// A client's post-file as the ledger's row, and back.
namespace dync::committer {

// A new upload of this id.
Job job_of(const Id& id, const ipc::Open& open, const rules::Destination& destination);

// As it was posted last: name, metadata, destination, connection. It is attached then and reserves its
// destination.
void post(ledger::Row& row, const ipc::Open& open, const rules::Destination& destination);

// For a new receiver.
ipc::Restore restore_of(const Job& job, std::uint32_t untar_max_members);

}  // namespace dync::committer
