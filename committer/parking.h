#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "committer/context.h"

namespace dync::committer {

// How often to look for what has waited for `ttl`: it is overrun by a tenth at most.
std::chrono::milliseconds look_every(std::chrono::seconds ttl);

// Partials that wait for their client: how long each has waited, and when it has waited too long. A steady
// clock measures, and the ledger keeps the sum, so only time counts in which a committer lived, whatever the
// wall clock says. Called within a batch only.
class Parking {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Parking(const Context& context, std::function<Clock::time_point()> now = Clock::now)
      : context_(context), now_(std::move(now)) {}

  // The upload has lost its session. Its user's longest waiting partial expires if these are too many now.
  void park(Job& job, const ipc::Park& message);

  // Uploads under way need room: partials expire, those that wait longest first, until so many bytes are
  // free. False if none has any.
  bool make_room(std::uint64_t bytes);

  // Expires whoever has waited for limits.partial_ttl, and notes of the others how long they have waited.
  void look();
  // Looks from now on about once a minute, oftener where partial_ttl is short.
  void keep_looking();

 private:
  std::chrono::seconds waited(const Job& job) const;
  void note(Job& job);
  void keep_bounded(const Job& newest);
  void expire(Job& job, const std::string& why);

  const Context& context_;
  std::function<Clock::time_point()> now_;
};

}  // namespace dync::committer
