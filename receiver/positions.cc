#include "receiver/positions.h"

#include "schema/limits/limits.h"

namespace dync::receiver {

Positions::Fit Positions::fit(std::uint64_t seek) const {
  if (seek == expected_) return Fit::next;
  return seek > expected_ ? Fit::ahead : Fit::behind;
}

bool Positions::may_report(Time now) const {
  return !was_reported() || now - told_at_ >= limits::kReportPause;
}

void Positions::reported(Time now) {
  told_ = expected_;
  told_at_ = now;
}

}  // namespace dync::receiver
