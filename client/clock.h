#pragma once

#include <chrono>

namespace dync::client {

// The client's clock; it never jumps.
using Time = std::chrono::steady_clock::time_point;

}  // namespace dync::client
