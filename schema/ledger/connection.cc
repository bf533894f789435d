#include "schema/ledger/connection.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <limits>
#include <sqlite3.h>

namespace dync::ledger {
namespace {

constexpr int kBusyMilliseconds = 5000;

template <typename Action>
auto guarded(const std::string& file, Action action) {
  try {
    return action();
  } catch (const SQLite::Exception& error) {
    throw Error("ledger " + file + ": " + error.what());
  }
}

int flags_of(Connection::Mode mode) {
  return mode == Connection::Mode::read_only ? SQLite::OPEN_READONLY
                                             : SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE;
}

}  // namespace

Query::Query(SQLite::Statement& statement, const std::string& file) : statement_(statement), file_(file) {
  guarded(file_, [&] { statement_.clearBindings(); });
}

Query::~Query() {
  statement_.tryReset();
}

Query& Query::add(std::string_view text) {
  guarded(file_, [&] { statement_.bind(++parameters_, std::string(text)); });
  return *this;
}

Query& Query::add(std::int64_t number) {
  guarded(file_, [&] { statement_.bind(++parameters_, number); });
  return *this;
}

Query& Query::add_size(std::uint64_t number) {
  if (number > std::uint64_t{std::numeric_limits<std::int64_t>::max()})
    throw Error("ledger " + file_ + ": the number " + std::to_string(number) + " is too large");
  return add(static_cast<std::int64_t>(number));
}

Query& Query::add_blob(std::span<const std::byte> bytes) {
  static constexpr std::byte kNone{};  // a null pointer would be bound as NULL
  const void* data = bytes.empty() ? &kNone : bytes.data();
  guarded(file_, [&] { statement_.bind(++parameters_, data, static_cast<int>(bytes.size())); });
  return *this;
}

Query& Query::add_null() {
  guarded(file_, [&] { statement_.bind(++parameters_); });
  return *this;
}

bool Query::next() {
  return guarded(file_, [&] { return statement_.executeStep(); });
}

void Query::run() {
  while (next()) {
  }
}

bool Query::null(int column) const {
  return guarded(file_, [&] { return statement_.isColumnNull(column); });
}

std::string Query::text(int column) const {
  return guarded(file_, [&] { return statement_.getColumn(column).getString(); });
}

std::int64_t Query::number(int column) const {
  return guarded(file_, [&] { return statement_.getColumn(column).getInt64(); });
}

Connection::Connection(const Path& file, Mode mode) : file_(file.string()) {
  database_ = guarded(
      file_, [&] { return std::make_unique<SQLite::Database>(file_, flags_of(mode), kBusyMilliseconds); });
}

Connection::~Connection() = default;

Query Connection::query(const char* sql) {
  auto& statement = statements_[sql];
  if (!statement)
    statement = guarded(file_, [&] { return std::make_unique<SQLite::Statement>(*database_, sql); });
  return Query(*statement, file_);
}

void Connection::execute(const std::string& sql) {
  guarded(file_, [&] { return database_->exec(sql); });
}

void Connection::keep_wal() {
  int on = 1;
  if (sqlite3_file_control(database_->getHandle(), "main", SQLITE_FCNTL_PERSIST_WAL, &on) != SQLITE_OK)
    throw Error("ledger " + file_ + ": its write-ahead log can't be made persistent");
}

void Connection::grow_in_steps(std::uint32_t bytes) {
  int step = static_cast<int>(bytes);
  sqlite3_file_control(database_->getHandle(), "main", SQLITE_FCNTL_CHUNK_SIZE, &step);
}

// SQLite does it: closing another descriptor of the file would end the locks that it holds on it.
bool Connection::take_blocks(std::uint64_t bytes) {
  auto size = static_cast<sqlite3_int64>(bytes);
  return sqlite3_file_control(database_->getHandle(), "main", SQLITE_FCNTL_SIZE_HINT, &size) == SQLITE_OK;
}

}  // namespace dync::ledger
