#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "committer/plan.h"
#include "proto/ipc/messages.h"
#include "schema/ledger/records.h"

namespace dync::committer {

using ledger::Id;

// One live upload in memory. `row` is what the ledger will say after the running batch.
struct Job {
  ledger::Row row;
  bool opening = true;        // its staging is being made, there is no row yet
  std::uint64_t request = 0;  // of the Open that it serves, if that was heard in this committer's life
  Shape shape = Shape::file;
  // The hasher's last word. It may come before AllReceived.
  std::variant<std::monostate, ipc::Verdict, ipc::Unreadable> verdict;
  // What was said of its next checkpoint, and the one that the ledger has.
  std::optional<ipc::Checkpoint> hashed;
  std::optional<ipc::Synced> synced;
  std::optional<ledger::Checkpoint> checkpoint;
  std::vector<std::uint64_t> waiters;  // requests that are answered at the end
  // The end of an earlier session was told once more: the answer to the question that resumed it may have got
  // lost, and will be asked for again.
  bool park_repeated = false;
  // Of a parked one: since when it waits. Where an earlier committer lived, as much before this one began.
  std::chrono::steady_clock::time_point waits_since = std::chrono::steady_clock::now();
  int tries = 0;             // of the step that runs now
  int kills = 0;             // how often dync-untar was killed over it
  bool announced = false;    // Plan::announced
  std::uint64_t number = 0;  // in the order in which they came

  const Id& id() const noexcept { return row.upload.upload_id; }
  ledger::State state() const noexcept { return row.upload.state; }
  // Nobody sends it now: it waits for its client's next post-file with its key.
  bool parked() const noexcept { return row.session.parked_seconds.has_value(); }
  // Its bytes are still coming, or may come.
  bool attached() const noexcept { return state() == ledger::State::receiving && !parked(); }
  // Attached, and nothing was heard of its session yet: it may as well belong to another connection.
  bool untouched() const noexcept {
    const bool checkpointed = checkpoint && checkpoint->epoch > row.session.epoch;
    return attached() && row.upload.bytes_received == row.session.durable_bytes && !checkpointed;
  }
  // The highest that is known to have been used.
  std::uint32_t last_epoch() const noexcept {
    return std::max(row.session.epoch, checkpoint ? checkpoint->epoch : 0);
  }
  std::optional<digest::Midstate> hashed_before() const {
    return checkpoint ? std::optional(checkpoint->state) : std::nullopt;
  }
};

// All live uploads. Only they reserve destinations, and (user, key) and (user, routing id) are theirs alone.
// A parked one keeps its key and nothing else.
class Jobs {
 public:
  Job& add(Job job);
  void remove(const Id& id);
  // Changes the row, and by what the job is found. What it reserves then is free.
  void change(Job& job, const std::function<void(ledger::Row&)>& how);
  Job* find(const Id& id);
  Job* by_key(const std::string& user, const Id& key);
  Job* by_routing_id(const std::string& user, const std::string& routing_id);
  // Who holds a destination, if anybody.
  Job* holder(const std::string& destination);
  // In place of what the job held. The destination is free.
  void reserve(Job& job, const std::string& destination);
  std::size_t count(const std::string& user) const;  // without the parked ones
  std::vector<Job*> parked(const std::string& user);
  std::uint64_t announced() const noexcept { return announced_; }  // bytes of all that are not parked
  std::size_t opening() const;
  void each(const std::function<void(const Job&)>& visit) const;
  std::vector<Job*> all();  // oldest first

 private:
  using Name = std::pair<std::string, std::string>;
  Job* at(const std::map<Name, Id>& index, const Name& name);
  void link(const Job& job);
  void unlink(const Job& job);

  std::map<Id, std::unique_ptr<Job>> jobs_;
  std::map<Name, Id> keys_;
  std::map<Name, Id> routing_ids_;
  std::map<std::string, Id> destinations_;
  std::map<std::string, std::size_t> users_;
  std::uint64_t announced_ = 0;
  std::uint64_t last_ = 0;
  std::map<std::string, std::set<Id>> parked_;  // by user
};

}  // namespace dync::committer
