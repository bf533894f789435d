#include <algorithm>

#include "schema/config/config.h"
#include "schema/limits/limits.h"

namespace dync::config {

std::uint64_t kept_back(const Limits& limits, std::uint64_t file_system) {
  return limits.min_free_space.value_or(std::min(limits::kKeptBack, file_system / limits::kKeptShare));
}

}  // namespace dync::config
