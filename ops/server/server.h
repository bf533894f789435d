#pragma once

#include "ops/server/launch.h"
#include "ops/server/settings.h"

namespace dync::server {

// Runs the server until it is told to stop; returns its exit code. Throws what keeps it from starting:
// config::Error, Held, posix::Error, std::runtime_error.
int run_server(const Settings& settings, Launch launch);

}  // namespace dync::server
