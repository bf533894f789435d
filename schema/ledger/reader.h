#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "schema/ledger/records.h"

namespace dync::ledger {

using Path = std::filesystem::path;
class Connection;

// The ledger can't be used: not there, damaged, newer than this program, locked, or a statement failed.
// One sentence with the file in it.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Newest first.
struct UploadFilter {
  std::optional<State> state = {};
  std::optional<std::string> origin = {};
  std::optional<std::string> since = {};  // created at or after this RFC 3339 UTC time
  std::uint32_t limit = 100;
};

// By seq, oldest first.
struct EventFilter {
  std::optional<Id> upload = {};
  std::int64_t after = 0;  // only events with a higher seq
  std::uint32_t limit = 1000;
};

// An upload that is `committing` or `committed`, and what it published. Several may have had one destination,
// one after another, when a consumer took the items away.
struct Claim {
  Id upload_id;
  Path destination;
};

// Questions to the ledger. Each sees all that was committed before it was asked.
class Reader {
 public:
  // Opens for reading only: beside a running server, and after it stopped, with read permission alone.
  // Throws Error, also when the ledger is of a newer version.
  explicit Reader(const Path& file);
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  Id ledger_id() const;
  // Ledgers whose staging the server leaves alone, because its operator said so.
  std::set<Id> left_alone() const;
  std::vector<Orphan> orphans() const;
  std::optional<std::string> boot_id() const;  // of the machine's boot when it was last written

  std::optional<Upload> upload(const Id& id) const;
  // Uploads whose id begins with these hex digits, for people who type; at most `limit`.
  std::vector<Row> uploads_like(std::string_view id_prefix, std::uint32_t limit) const;
  std::vector<Row> uploads(const UploadFilter& filter) const;
  std::vector<Event> events(const EventFilter& filter) const;
  // The last events, oldest of them first: where `events --follow` begins.
  std::vector<Event> last_events(std::uint32_t limit) const;
  std::vector<Member> members(const Id& id) const;
  // Every upload that has published something, or is about to; in the order in which they were opened.
  std::vector<Claim> claims() const;
  std::map<State, std::uint64_t> count_by_state() const;  // states without uploads are absent
  std::map<State, std::uint64_t> bytes_by_state() const;  // sums of bytes_received, the same states

  // ---- for the committer ----
  std::optional<Row> row(const Id& id) const;
  std::vector<Row> live() const;  // oldest first
  std::vector<Row> kept() const;  // failed ones whose verified data is in staging
  // The newest upload of (user, key), and of an original's (user, routing id).
  std::optional<Row> by_key(const std::string& user, const Id& key) const;
  std::optional<Row> by_routing_id(const std::string& user, const std::string& routing_id) const;
  std::optional<Checkpoint> checkpoint(const Id& id) const;

 private:
  friend class Writer;
  explicit Reader(std::shared_ptr<Connection> connection);
  std::shared_ptr<Connection> connection_;
};

}  // namespace dync::ledger
