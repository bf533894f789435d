#pragma once

#include "ops/admin/options.h"

namespace dync::admin {

// Does what the command line asks for; returns the exit code. Whatever keeps it from that is one sentence on
// standard error.
int run_command(const Options& options);

}  // namespace dync::admin
