#pragma once

#include <chrono>

#include "committer/context.h"

namespace dync::committer {

// Staging directories without an upload that were set aside: the operator may look into them, move them away
// or leave them, until they have waited for limits.partial_ttl, which counts as that of partials: while a
// committer lives, by a steady clock. Only what still has our stamp is removed. Called within a batch only.
class Orphans {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Orphans(const Context& context) : context_(context) {}

  // Counts the time since the last look, and removes those that have waited too long.
  void look();
  // Looks from now on about once a minute, oftener where partial_ttl is short.
  void keep_looking();

 private:
  void expire(const ledger::Orphan& orphan);

  const Context& context_;
  Clock::time_point counted_ = Clock::now();
};

}  // namespace dync::committer
