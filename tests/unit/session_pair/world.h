#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/session_pair/client_model.h"
#include "tests/unit/session_pair/committer.h"
#include "tests/unit/session_pair/server.h"

namespace dync::pair {

// One seed: a server with some clients of both kinds, for a while with faults, then without. Runs until all
// is over. Returns the first property that did not hold, or nothing.
struct Result {
  std::string problem;
  std::map<std::string, int> happened;
};
Result run_world(std::uint64_t seed, const std::byte* memory, bool trace);

// So many bytes from `memory` on belong to the clients' files. They are never touched.
inline constexpr std::uint64_t kMemory = std::uint64_t{1} << 34;

}  // namespace dync::pair
