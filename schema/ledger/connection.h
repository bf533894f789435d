#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "schema/ledger/reader.h"

namespace SQLite {
class Database;
class Statement;
}  // namespace SQLite

// Internal to the ledger: one SQLite connection with its prepared statements. Every failure is ledger::Error.
namespace dync::ledger {

// One run of a prepared statement: parameters are added in order, columns are read by position from 0. It is
// reset when it goes out of scope.
class Query {
 public:
  Query(SQLite::Statement& statement, const std::string& file);
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query();

  Query& add(std::string_view text);
  Query& add(const char* text) { return add(std::string_view(text)); }
  Query& add(std::int64_t number);
  Query& add_size(std::uint64_t number);  // Error above 2^63-1
  Query& add_blob(std::span<const std::byte> bytes);
  Query& add_null();
  template <typename Value>
  Query& add(const std::optional<Value>& value) {
    return value ? add(*value) : add_null();
  }

  bool next();  // steps to the next row; false: no more
  void run();   // to the end

  bool null(int column) const;
  std::string text(int column) const;  // of blobs too
  std::int64_t number(int column) const;
  std::uint64_t size(int column) const { return static_cast<std::uint64_t>(number(column)); }

 private:
  SQLite::Statement& statement_;
  const std::string& file_;
  int parameters_ = 0;
};

class Connection {
 public:
  enum class Mode { read_only, read_write };
  Connection(const Path& file, Mode mode);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // `sql` is one of statements.h: the cache goes by its address.
  Query query(const char* sql);
  void execute(const std::string& sql);     // any number of statements, no result
  void keep_wal();                          // a clean close leaves -wal and -shm for readers
  void grow_in_steps(std::uint32_t bytes);  // the file, so that it has blocks ahead
  // Blocks for a file of so many bytes; false if there is no room for them.
  bool take_blocks(std::uint64_t bytes);
  const std::string& file() const noexcept { return file_; }

 private:
  std::string file_;
  std::unique_ptr<SQLite::Database> database_;
  std::unordered_map<const char*, std::unique_ptr<SQLite::Statement>> statements_;
};

}  // namespace dync::ledger
