#pragma once

#include "schema/config/config.h"

// What is done to a server that runs already. Each prints for people and returns the exit code.
namespace dync::server {

inline constexpr int kExitNotRunning = 3;  // LSB: `status`

int show_status(const config::Config& config);
// Sends SIGTERM and waits for the end. A server that is not running is no error.
int stop_running(const config::Config& config);

}  // namespace dync::server
