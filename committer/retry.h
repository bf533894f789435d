#pragma once

#include <algorithm>
#include <chrono>

#include "proto/posix/error.h"

namespace dync::committer {

// Whether a step that failed so is to be tried again: what was received can be committed once there is room.
inline bool passes(posix::Kind kind) {
  return kind == posix::Kind::no_space || kind == posix::Kind::exhausted;
}

// The pause before the next try, and counts it: 100 ms, doubled up to 25 s.
inline std::chrono::milliseconds pause_after(int& tries) {
  constexpr std::chrono::milliseconds kFirst{100};
  constexpr int kDoublings = 8;
  const auto pause = kFirst * (1 << std::min(tries, kDoublings));
  tries = std::min(tries + 1, kDoublings);
  return pause;
}

}  // namespace dync::committer
