#include "ops/server/backoff.h"

#include <algorithm>

#include "schema/limits/limits.h"

namespace dync::server {

BackOff::Duration BackOff::after(Duration served) {
  constexpr Duration kSecondTry{100};
  if (served >= steady_) next_ = limits::kRestartFirst;
  const Duration wait = next_;
  next_ = std::min(most_, std::max(kSecondTry, 2 * wait));
  return wait;
}

}  // namespace dync::server
