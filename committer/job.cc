#include "committer/job.h"

#include <algorithm>

namespace dync::committer {
namespace {

// A later upload may have come by the same name.
void erase_own(std::map<std::pair<std::string, std::string>, Id>& index,
               const std::pair<std::string, std::string>& name, const Id& id) {
  const auto found = index.find(name);
  if (found != index.end() && found->second == id) index.erase(found);
}

}  // namespace

Job& Jobs::add(Job job) {
  link(job);
  job.number = ++last_;
  const Id id = job.id();
  return *(jobs_[id] = std::make_unique<Job>(std::move(job)));
}

void Jobs::remove(const Id& id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  unlink(*found->second);
  jobs_.erase(found);
}

void Jobs::change(Job& job, const std::function<void(ledger::Row&)>& how) {
  unlink(job);
  how(job.row);
  link(job);
}

void Jobs::link(const Job& job) {
  const auto& [upload, session] = job.row;
  if (session.key) keys_[{upload.origin, session.key->hex()}] = job.id();
  if (job.parked()) {
    parked_[upload.origin].insert(job.id());
    return;
  }
  routing_ids_[{upload.origin, session.routing_id}] = job.id();
  if (session.reserves) destinations_[*session.reserves] = job.id();
  ++users_[upload.origin];
  announced_ += upload.size_declared.value_or(0);
}

void Jobs::unlink(const Job& job) {
  const auto& [upload, session] = job.row;
  if (session.key) erase_own(keys_, {upload.origin, session.key->hex()}, job.id());
  if (job.parked()) {
    auto& parked = parked_[upload.origin];
    parked.erase(job.id());
    if (parked.empty()) parked_.erase(upload.origin);
    return;
  }
  erase_own(routing_ids_, {upload.origin, session.routing_id}, job.id());
  if (session.reserves) destinations_.erase(*session.reserves);
  announced_ -= upload.size_declared.value_or(0);
  if (--users_[upload.origin] == 0) users_.erase(upload.origin);
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

std::vector<Job*> Jobs::parked(const std::string& user) {
  std::vector<Job*> jobs;
  const auto found = parked_.find(user);
  if (found == parked_.end()) return jobs;
  for (const Id& id : found->second) jobs.push_back(find(id));
  return jobs;
}

std::size_t Jobs::opening() const {
  return static_cast<std::size_t>(
      std::count_if(jobs_.begin(), jobs_.end(), [](const auto& entry) { return entry.second->opening; }));
}

std::vector<Job*> Jobs::all() {
  std::vector<Job*> jobs;
  jobs.reserve(jobs_.size());
  for (const auto& [id, job] : jobs_) jobs.push_back(job.get());
  std::sort(jobs.begin(), jobs.end(),
            [](const Job* one, const Job* other) { return one->number < other->number; });
  return jobs;
}

void Jobs::each(const std::function<void(const Job&)>& visit) const {
  for (const auto& [id, job] : jobs_) visit(*job);
}

}  // namespace dync::committer
