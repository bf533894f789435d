#pragma once

#include "committer/context.h"
#include "committer/uploads.h"

namespace dync::committer {

// Makes ledger and staging agree before anything is served, and takes up every live upload. Called within a
// batch. Throws std::runtime_error with a sentence for the operator when staging belongs to another ledger.
void recover(const Context& context, Uploads& uploads);

}  // namespace dync::committer
