#include "schema/ledger/reader.h"

#include "schema/ledger/connection.h"
#include "schema/ledger/migrations.h"
#include "schema/ledger/rows.h"
#include "schema/ledger/statements.h"

namespace dync::ledger {
namespace {

std::shared_ptr<Connection> open_for_reading(const Path& file) {
  auto connection = std::make_shared<Connection>(file, Connection::Mode::read_only);
  connection->execute(sql::kReaderSettings);
  const auto known = static_cast<std::int64_t>(migrations().size());
  Query version = connection->query(sql::kVersion);
  version.next();
  const std::int64_t found = version.number(0);
  if (found > known)
    throw Error("ledger " + file.string() + ": its version " + std::to_string(found) +
                " is newer than this program; install the dync that wrote it");
  if (found < known)
    throw Error("ledger " + file.string() + ": its version " + std::to_string(found) +
                " is older than this program; start dync-server once to bring it up");
  return connection;
}

template <typename Read>
auto first(Query& query, Read read) -> std::optional<decltype(read(query))> {
  if (!query.next()) return std::nullopt;
  return read(query);
}

template <typename Read>
auto all(Query& query, Read read) {
  std::vector<decltype(read(query))> rows;
  while (query.next()) rows.push_back(read(query));
  return rows;
}

}  // namespace

Reader::Reader(const Path& file) : connection_(open_for_reading(file)) {}
Reader::Reader(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Id Reader::ledger_id() const {
  Query query = connection_->query(sql::kGetMeta);
  query.add(sql::kLedgerId);
  const auto id = first(query, [](const Query& row) { return Id::from_hex(row.text(0)); });
  if (!id || !*id) throw Error("ledger " + connection_->file() + ": it has no id");
  return **id;
}

std::set<Id> Reader::left_alone() const {
  Query query = connection_->query(sql::kGetMeta);
  query.add(sql::kLeftAlone);
  std::set<Id> ids;
  if (!query.next()) return ids;
  constexpr std::size_t kDigits = 2 * Id::kBytes;
  const std::string all = query.text(0);
  for (std::size_t at = 0; at < all.size(); at += kDigits)
    if (const auto id = Id::from_hex(std::string_view(all).substr(at, kDigits))) ids.insert(*id);
  return ids;
}

std::vector<Orphan> Reader::orphans() const {
  Query query = connection_->query(sql::kOrphans);
  return all(query, [](const Query& row) { return Orphan{row.text(0), id_from(row, 1), row.size(2)}; });
}

std::optional<std::string> Reader::boot_id() const {
  Query query = connection_->query(sql::kGetMeta);
  query.add(sql::kBootId);
  return first(query, [](const Query& row) { return row.text(0); });
}

std::optional<Upload> Reader::upload(const Id& id) const {
  auto found = row(id);
  if (!found) return std::nullopt;
  return std::move(found->upload);
}

std::vector<Row> Reader::uploads_like(std::string_view id_prefix, std::uint32_t limit) const {
  Query query = connection_->query(sql::kRowsLike);
  query.add(id_prefix).add(std::int64_t{limit});
  return all(query, row_from);
}

std::vector<Row> Reader::uploads(const UploadFilter& filter) const {
  Query query = connection_->query(sql::kRows);
  if (filter.state)
    query.add(text_of(*filter.state));
  else
    query.add_null();
  query.add(filter.origin).add(filter.since).add(std::int64_t{filter.limit});
  return all(query, row_from);
}

std::vector<Event> Reader::events(const EventFilter& filter) const {
  Query query = connection_->query(filter.upload ? sql::kEventsOf : sql::kEvents);
  if (filter.upload) query.add(filter.upload->hex());
  query.add(filter.after).add(std::int64_t{filter.limit});
  return all(query, event_from);
}

std::vector<Event> Reader::last_events(std::uint32_t limit) const {
  Query query = connection_->query(sql::kLastEvents);
  query.add(std::int64_t{limit});
  return all(query, event_from);
}

std::vector<Member> Reader::members(const Id& id) const {
  Query query = connection_->query(sql::kMembers);
  query.add(id.hex());
  return all(query, member_from);
}

std::vector<Claim> Reader::claims() const {
  Query query = connection_->query(sql::kClaims);
  return all(query, [](const Query& row) { return Claim{id_from(row, 0), row.text(1)}; });
}

std::map<State, std::uint64_t> Reader::count_by_state() const {
  std::map<State, std::uint64_t> counts;
  Query query = connection_->query(sql::kCounts);
  while (query.next()) counts[state_from(query, 0)] = query.size(1);
  return counts;
}

std::map<State, std::uint64_t> Reader::bytes_by_state() const {
  std::map<State, std::uint64_t> bytes;
  Query query = connection_->query(sql::kBytes);
  while (query.next()) bytes[state_from(query, 0)] = query.size(1);
  return bytes;
}

std::optional<Row> Reader::row(const Id& id) const {
  Query query = connection_->query(sql::kRow);
  query.add(id.hex());
  return first(query, row_from);
}

std::vector<Row> Reader::live() const {
  Query query = connection_->query(sql::kLive);
  return all(query, row_from);
}

std::vector<Row> Reader::kept() const {
  Query query = connection_->query(sql::kKept);
  return all(query, row_from);
}

std::optional<Row> Reader::by_key(const std::string& user, const Id& key) const {
  Query query = connection_->query(sql::kByKey);
  query.add(user).add(key.hex());
  return first(query, row_from);
}

std::optional<Row> Reader::by_routing_id(const std::string& user, const std::string& routing_id) const {
  Query query = connection_->query(sql::kByRoutingId);
  query.add(user).add_blob(std::as_bytes(std::span(routing_id)));
  return first(query, row_from);
}

std::optional<Checkpoint> Reader::checkpoint(const Id& id) const {
  Query query = connection_->query(sql::kCheckpoint);
  query.add(id.hex());
  return first(query, checkpoint_from);
}

}  // namespace dync::ledger
