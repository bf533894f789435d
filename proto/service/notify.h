#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace dync::service {

// sd_notify(3): sends `state` ("READY=1", "STOPPING=1", "WATCHDOG=1") to systemd if it listens.
void notify(std::string_view state);

// How often systemd wants WATCHDOG=1 (half of WATCHDOG_USEC), if at all.
std::optional<std::chrono::milliseconds> watchdog_period();

}  // namespace dync::service
