#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
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
  std::uint64_t request = 0;  // of the Open that waits for an answer, while opening
  Shape shape = Shape::file;
  // The hasher's last word. It may come before AllReceived.
  std::variant<std::monostate, ipc::Verdict, ipc::Unreadable> verdict;
  std::vector<std::uint64_t> waiters;  // requests that are answered at the end
  int tries = 0;                       // of the step that runs now

  const Id& id() const noexcept { return row.upload.upload_id; }
  ledger::State state() const noexcept { return row.upload.state; }
};

// All live uploads. Only they reserve destinations, and (user, key) and (user, routing id) are theirs alone.
class Jobs {
 public:
  Job& add(Job job);
  void remove(const Id& id);
  Job* find(const Id& id);
  Job* by_key(const std::string& user, const Id& key);
  Job* by_routing_id(const std::string& user, const std::string& routing_id);
  // Who holds a destination, if anybody.
  Job* holder(const std::string& destination);
  // In place of what the job held. The destination is free.
  void reserve(Job& job, const std::string& destination);
  std::size_t count(const std::string& user) const;
  std::size_t opening() const;
  std::vector<Job*> all();  // in the order of their ids

 private:
  using Name = std::pair<std::string, std::string>;
  Job* at(const std::map<Name, Id>& index, const Name& name);

  std::map<Id, std::unique_ptr<Job>> jobs_;
  std::map<Name, Id> keys_;
  std::map<Name, Id> routing_ids_;
  std::map<std::string, Id> destinations_;
  std::map<std::string, std::size_t> users_;
};

}  // namespace dync::committer
