#pragma once

#include "committer/context.h"
#include "committer/uploads.h"

namespace dync::committer {

// Makes ledger and staging agree before anything is served, and takes up every live upload. Called within a
// batch. Throws service::Misconfigured with a sentence for the operator when staging holds uploads of another
// ledger, unless that is left alone since an earlier start, or from now on: `fresh`.
void recover(const Context& context, Uploads& uploads, bool fresh);

}  // namespace dync::committer
