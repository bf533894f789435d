#pragma once

#include <atomic>
#include <chrono>
#include <functional>

#include "committer/inbox.h"
#include "committer/job.h"
#include "committer/outbox.h"
#include "committer/pool.h"
#include "proto/service/log.h"
#include "proto/service/loop.h"
#include "schema/config/config.h"
#include "schema/ledger/writer.h"

namespace dync::committer {

// What the parts of the committer share. Ledger, jobs and outbox are touched only within a batch.
struct Context {
  const config::Config& config;
  const service::Log& log;
  service::Loop& loop;
  ledger::Writer& ledger;
  Id ledger_id;
  Jobs& jobs;
  Inbox& inbox;
  Outbox& outbox;
  Pool& quick;                        // a few short syncs
  Pool& slow;                         // whatever grows with an archive's size
  Pool& copies;                       // to other file systems, large ones
  const std::atomic<bool>& stopping;  // long work in the pools gives up

  const Path& tmp_dir() const noexcept { return config.storage.tmp_dir; }
  Path staging(const Id& id) const;

  // Runs `action` in the first batch after `delay`.
  void later(std::chrono::milliseconds delay, std::function<void()> action) const;
  void event(const Id& id, const char* name, const std::string& detail) const;
  // Kills a test build once the running batch is durable.
  void crash_after_commit(const char* point) const;

  // The end of an upload that did not become a data set: row, event, answers, clean-up. The job is gone
  // afterwards.
  void fail(Job& job, const wire::Refusal& why, bool kept) const;
  void end(Job& job, ledger::State state, const wire::Refusal& why, bool kept) const;
  // Row and event only.
  void record_end(const Id& id, ledger::State state, const wire::Refusal& why, bool kept) const;
  void remove_staging(const Id& id) const;
  void remove_staging(const ledger::Row& row) const;    // and what lies elsewhere
  void remove_elsewhere(const ledger::Row& row) const;  // only that, if there is any
  void remove(const Id& id, const std::vector<Path>& directories) const;
};

}  // namespace dync::committer
