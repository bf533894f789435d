#include "committer/job.h"

#include <algorithm>

namespace dync::committer {

Job& Jobs::add(Job job) {
  const Id id = job.id();
  const std::string& user = job.row.upload.origin;
  const ledger::Session& session = job.row.session;
  if (session.key) keys_[{user, session.key->hex()}] = id;
  routing_ids_[{user, session.routing_id}] = id;
  if (session.reserves) destinations_[*session.reserves] = id;
  ++users_[user];
  return *(jobs_[id] = std::make_unique<Job>(std::move(job)));
}

void Jobs::remove(const Id& id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  const std::string& user = found->second->row.upload.origin;
  const auto is_its = [&id](const auto& entry) { return entry.second == id; };
  const ledger::Session& session = found->second->row.session;
  // A later upload may have come by the same connection.
  if (session.key && by_key(user, *session.key) == found->second.get())
    keys_.erase({user, session.key->hex()});
  if (const auto at = routing_ids_.find({user, session.routing_id}); at != routing_ids_.end() && is_its(*at))
    routing_ids_.erase(at);
  if (session.reserves) destinations_.erase(*session.reserves);
  if (--users_[user] == 0) users_.erase(user);
  jobs_.erase(found);
}

Job* Jobs::find(const Id& id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : found->second.get();
}

Job* Jobs::at(const std::map<Name, Id>& index, const Name& name) {
  const auto found = index.find(name);
  return found == index.end() ? nullptr : find(found->second);
}

Job* Jobs::by_key(const std::string& user, const Id& key) {
  return at(keys_, {user, key.hex()});
}

Job* Jobs::by_routing_id(const std::string& user, const std::string& routing_id) {
  return at(routing_ids_, {user, routing_id});
}

Job* Jobs::holder(const std::string& destination) {
  const auto found = destinations_.find(destination);
  return found == destinations_.end() ? nullptr : find(found->second);
}

void Jobs::reserve(Job& job, const std::string& destination) {
  if (job.row.session.reserves) destinations_.erase(*job.row.session.reserves);
  destinations_[destination] = job.id();
  job.row.session.reserves = destination;
}

std::size_t Jobs::count(const std::string& user) const {
  const auto found = users_.find(user);
  return found == users_.end() ? 0 : found->second;
}

std::size_t Jobs::opening() const {
  return static_cast<std::size_t>(
      std::count_if(jobs_.begin(), jobs_.end(), [](const auto& entry) { return entry.second->opening; }));
}

std::vector<Job*> Jobs::all() {
  std::vector<Job*> jobs;
  jobs.reserve(jobs_.size());
  for (const auto& [id, job] : jobs_) jobs.push_back(job.get());
  return jobs;
}

}  // namespace dync::committer
