#pragma once

#include "client/options.h"

namespace dync::client {

// Sends all files; returns the exit code. Receipts go to the descriptor `out`, everything else to `err`.
int run(const Options& options, int out, int err);

}  // namespace dync::client
