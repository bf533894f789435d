#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proto/posix/crash_point.h"
#include "receiver/session.h"
#include "schema/limits/limits.h"

namespace dync::receiver {

// All sessions, by routing id, by upload, by key and by member of the credit book. An ended session is kept a
// while, so that a repeated question gets its answer again; the committer knows all others.
class Registry {
 public:
  Session* find(const std::string& routing_id) const;
  Session* of_upload(const Id& upload) const;
  Session* of_member(CreditBook::Member member) const;
  // A session other than `except` that has asked for the upload of this key, or serves it.
  Session* of_key(const std::string& user, const Id& key, const Session* except) const;
  // One that serves an original's upload of this name.
  Session* of_original(const std::string& user, const std::string& filename) const;

  // In place of the one that its routing id had.
  Session& add(std::unique_ptr<Session> session);
  // After each input to a session: notes its upload and member, and whether it has ended or knows nothing.
  void update(Session& session, Time now);
  // Forgets what ended longer than limits::kAnswerKept ago, and the oldest of more than limits::kAnswersKept.
  void expire(Time now);

  // `visit` may change a session but neither add nor forget one.
  void each(const std::function<void(Session&)>& visit) const;
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::unique_ptr<Session> session;
    Id upload;                      // as indexed
    CreditBook::Member member = 0;  // as indexed, 0: none
    std::optional<Id> key;          // as indexed, with the session's user
    bool idle = false;              // waits in ended_
    Time ended_at;
  };
  struct Ended {
    std::string routing_id;
    Time at;
  };
  void index(Entry& entry);
  void index_key(Entry& entry);
  void drop_key(const Entry& entry);
  void forget(const std::string& routing_id);

  const std::uint64_t answers_kept_ = posix::test_value("DYNC_TEST_ANSWERS_KEPT", limits::kAnswersKept);
  std::unordered_map<std::string, Entry> entries_;
  std::unordered_map<Id, Session*> uploads_;
  std::unordered_map<CreditBook::Member, Session*> members_;
  std::unordered_multimap<std::string, Session*> keys_;  // by user and key; two while one gives way
  std::deque<Ended> ended_;  // oldest first; entries that live again are passed over
};

}  // namespace dync::receiver
