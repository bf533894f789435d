#include "receiver/registry.h"

#include <algorithm>
#include <utility>

#include "schema/limits/limits.h"

namespace dync::receiver {
namespace {

template <typename Map, typename Key>
Session* lookup(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : found->second;
}

std::string key_name(const std::string& user, const Id& key) {
  return key.hex() + user;
}

// What other connections must know of: asked for, or served.
std::optional<Id> live_key(const Session& session) {
  return session.state() == State::opening || session.serves() ? session.key() : std::nullopt;
}

}  // namespace

Session* Registry::find(const std::string& routing_id) const {
  const auto found = entries_.find(routing_id);
  return found == entries_.end() ? nullptr : found->second.session.get();
}

Session* Registry::of_upload(const Id& upload) const {
  return lookup(uploads_, upload);
}
Session* Registry::of_member(CreditBook::Member member) const {
  return lookup(members_, member);
}

Session* Registry::of_key(const std::string& user, const Id& key, const Session* except) const {
  const auto [begin, end] = keys_.equal_range(key_name(user, key));
  for (auto it = begin; it != end; ++it)
    if (it->second != except) return it->second;
  return nullptr;
}

// Rarely asked, so without an index.
Session* Registry::of_original(const std::string& user, const std::string& filename) const {
  for (const auto& [routing_id, entry] : entries_) {
    const Session& session = *entry.session;
    if (session.serves() && session.original() && session.user() == user && session.filename() == filename)
      return entry.session.get();
  }
  return nullptr;
}

Session& Registry::add(std::unique_ptr<Session> session) {
  Session& added = *session;
  if (find(added.routing_id())) forget(added.routing_id());
  entries_[added.routing_id()].session = std::move(session);
  return added;
}

void Registry::index(Entry& entry) {
  Session& session = *entry.session;
  const CreditBook::Member member = session.member().value_or(0);
  if (entry.upload != session.upload()) {
    if (of_upload(entry.upload) == &session) uploads_.erase(entry.upload);
    entry.upload = session.upload();
    if (!entry.upload.empty()) uploads_[entry.upload] = &session;
  }
  if (entry.member != member) {
    members_.erase(entry.member);
    entry.member = member;
    if (member != 0) members_[member] = &session;
  }
  index_key(entry);
}

void Registry::index_key(Entry& entry) {
  const std::optional<Id> key = live_key(*entry.session);
  if (entry.key == key) return;
  drop_key(entry);
  entry.key = key;
  if (key) keys_.emplace(key_name(entry.session->user(), *key), entry.session.get());
}

void Registry::drop_key(const Entry& entry) {
  if (!entry.key) return;
  const auto [begin, end] = keys_.equal_range(key_name(entry.session->user(), *entry.key));
  const auto own =
      std::find_if(begin, end, [&](const auto& each) { return each.second == entry.session.get(); });
  if (own != end) keys_.erase(own);
}

void Registry::update(Session& session, Time now) {
  const auto found = entries_.find(session.routing_id());
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  index(entry);
  const bool idle = session.ended() || session.state() == State::none;
  if (idle && !entry.idle) {
    entry.ended_at = now;
    ended_.push_back({session.routing_id(), now});
  }
  entry.idle = idle;
}

void Registry::expire(Time now) {
  while (!ended_.empty()) {
    const Ended& oldest = ended_.front();
    const auto found = entries_.find(oldest.routing_id);
    const bool stale = found == entries_.end() || !found->second.idle || found->second.ended_at != oldest.at;
    if (!stale) {
      if (now - oldest.at < limits::kAnswerKept && ended_.size() <= answers_kept_) return;
      forget(oldest.routing_id);
    }
    ended_.pop_front();
  }
}

void Registry::forget(const std::string& routing_id) {
  const auto found = entries_.find(routing_id);
  const Entry& entry = found->second;
  if (of_upload(entry.upload) == entry.session.get()) uploads_.erase(entry.upload);
  drop_key(entry);
  members_.erase(entry.member);
  entries_.erase(found);
}

void Registry::each(const std::function<void(Session&)>& visit) const {
  for (const auto& [routing_id, entry] : entries_) visit(*entry.session);
}

}  // namespace dync::receiver
