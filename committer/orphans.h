#pragma once

#include <chrono>

#include "committer/context.h"

namespace dync::committer {

// What waits in staging for the operator, who may look into it, move it away or leave it: directories without
// an upload, which were set aside, and the verified data of uploads that failed. Until it has waited for
// limits.partial_ttl, which counts as that of partials: while a committer lives, by a steady clock. Only what
// still has our stamp is removed. Called within a batch only.
class Orphans {
 public:
  using Clock = std::chrono::steady_clock;
  explicit Orphans(const Context& context) : context_(context) {}

  // Counts the time since the last look, and removes those that have waited too long.
  void look();
  // Looks from now on about once a minute, oftener where partial_ttl is short.
  void keep_looking();

 private:
  void look_at_orphans(std::uint64_t passed);  // seconds
  void look_at_kept(std::uint64_t passed);
  bool too_long(std::uint64_t waited) const;
  void expire(const ledger::Orphan& orphan);
  void expire_kept(const Id& id);
  void remove(const Id& id, const Path& directory, const char* event);

  const Context& context_;
  Clock::time_point counted_ = Clock::now();
};

}  // namespace dync::committer
