#pragma once

#include "committer/context.h"
#include "committer/publish.h"
#include "committer/staging.h"

namespace dync::committer {

// Leads a verified upload to `committed`: steps 5 to 9, each step's work in a pool thread and its record in a
// batch. Called within a batch only.
class Publication {
 public:
  explicit Publication(const Context& context) : context_(context) {}

  // From `verified`, or from `extracting` when it is known what will be published.
  void start(Job& job, Shape shape);
  // From `committing`, after a restart.
  void go_on(const Job& job) { publish(job.id()); }

 private:
  struct Prepared {
    Readiness readiness = Readiness::ready;
    std::optional<wire::Refusal> refused;  // the target is not free, or the data is not what was verified
  };
  Plan plan_of(const Job& job) const;
  Pool& pool_for(const Plan& plan) const;
  static Prepared prepare_and_check(const Plan& plan, const Id& ledger, const std::atomic<bool>& stop);

  void prepare(const Id& id);
  void prepared(const Id& id, const Outcome<Prepared>& outcome);
  void not_ready(Job& job, Readiness readiness);
  void not_prepared(Job& job, const Failure& failure);
  void publish(const Id& id);
  void published(const Id& id, const Outcome<Published>& outcome);
  void publish_again(Job& job, const std::string& problem);
  void committed(Job& job);
  void held(Job& job, const std::string& problem);

  const Context& context_;
};

}  // namespace dync::committer
