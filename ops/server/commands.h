#pragma once

#include "ops/server/options.h"

namespace dync::server {

// Does what the command line asks for; returns the exit code. Whatever keeps it from that is one sentence on
// standard error.
int run_command(const Options& options);

}  // namespace dync::server
