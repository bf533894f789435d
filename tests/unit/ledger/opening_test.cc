#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <algorithm>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/ledger/migrations.h"
#include "schema/ledger/writer.h"
#include "tests/unit/ledger/records.h"

namespace dync::ledger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> columns_of(const posix::Path& file, const std::string& table) {
  SQLite::Database database(file.string(), SQLite::OPEN_READONLY);
  SQLite::Statement statement(database, "SELECT name FROM pragma_table_info(?) ORDER BY cid");
  statement.bind(1, table);
  std::vector<std::string> names;
  while (statement.executeStep()) names.push_back(statement.getColumn(0).getString());
  return names;
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

// Runs `action` in a child that is nobody; returns its exit code.
int as_nobody(const std::function<bool()>& action) {
  constexpr unsigned kNobody = 65534;
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) ::_exit(2);
    bool good = false;
    try {
      good = action();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

class Opening : public ::testing::Test {
 protected:
  Opening() { ::umask(022); }
  TemporaryDirectory directory_;
  posix::Path file_ = directory_.file("dync.sqlite");
};

TEST_F(Opening, StableColumnsAreThoseOfTheContract) {
  Writer writer(file_);
  EXPECT_THAT(columns_of(file_, "uploads"),
              ElementsAre("upload_id", "origin", "filename", "clean_name", "destination", "metadata", "untar",
                          "size_declared", "bytes_received", "sha256", "state", "error_code", "error",
                          "created_at", "updated_at", "finished_at"));
  EXPECT_THAT(columns_of(file_, "events"),
              ElementsAre("seq", "upload_id", "at", "process", "event", "detail"));
  EXPECT_THAT(columns_of(file_, "members"), ElementsAre("upload_id", "path", "size", "sha256"));
}

TEST_F(Opening, NewLedgerHasAnIdThatStays) {
  Id id;
  {
    Writer writer(file_);
    EXPECT_TRUE(writer.is_new());
    id = writer.read().ledger_id();
    EXPECT_FALSE(id.empty());
  }
  Writer again(file_);
  EXPECT_FALSE(again.is_new());
  EXPECT_EQ(again.read().ledger_id(), id);
}

TEST_F(Opening, SettingsOfTheFile) {
  Writer writer(file_);
  SQLite::Database database(file_.string(), SQLite::OPEN_READONLY);
  EXPECT_EQ(database.execAndGet("PRAGMA journal_mode").getString(), "wal");
  EXPECT_EQ(database.execAndGet("PRAGMA user_version").getInt(), 5);
}

// As the first release wrote it: one upload of ours, one of an original, and an ended one.
void make_first_version(const posix::Path& file) {
  SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec(migrations().front());
  database.exec(
      "INSERT INTO meta VALUES ('ledger_id', '0123456789abcdef0123456789abcdef');"
      "INSERT INTO uploads SELECT column1, 'lab1', 'a', 'a', '/b/' || column2, '{}', 0, 100, 40, NULL, "
      "column3,"
      "  NULL, NULL, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', NULL FROM (VALUES"
      "  ('ab000000000000000000000000000001', 1, 'receiving'), ('ab000000000000000000000000000002', 2, "
      "'receiving'),"
      "  ('ab000000000000000000000000000003', 3, 'committed'));"
      "INSERT INTO sessions (upload_id, origin, routing_id, upload_key, original, chunk_size, max_queue, "
      "epoch,"
      "  reserves) VALUES"
      "  ('ab000000000000000000000000000001', 'lab1', x'01', 'ab000000000000000000000000000004', 0, 9, 9, 3, "
      "'/b/1'),"
      "  ('ab000000000000000000000000000002', 'lab1', x'02', NULL, 1, 9, 9, 1, '/b/2'),"
      "  ('ab000000000000000000000000000003', 'lab1', x'03', NULL, 1, 9, 9, 1, NULL);"
      "PRAGMA user_version = 1");
}

TEST_F(Opening, ALedgerOfTheFirstVersionIsBroughtUp) {
  make_first_version(file_);
  EXPECT_THAT(error_of([&] { Reader reader(file_); }), HasSubstr("version 1 is older"));
  Writer writer(file_);
  EXPECT_FALSE(writer.is_new());
  EXPECT_EQ(writer.read().ledger_id().hex(), "0123456789abcdef0123456789abcdef");
  const auto live = writer.read().live();
  ASSERT_EQ(live.size(), 2U);
  EXPECT_EQ(live[0].upload.bytes_received, 40U);
  EXPECT_EQ(live[0].session.key, id_of(4));
  EXPECT_EQ(live[0].session.epoch, 3U);
  EXPECT_EQ(live[0].session.reserves, "/b/1");
  for (const Row& row : live) {
    EXPECT_FALSE(row.session.parked_seconds) << "it had a session, which a new receiver restores";
    EXPECT_EQ(row.session.durable_bytes, 0U) << "nothing is known to be synced";
  }
  EXPECT_EQ(writer.read().count_by_state().at(State::committed), 1U);
}

TEST_F(Opening, AMigrationThatFailsHalfWayLeavesTheOldLedger) {
  make_first_version(file_);
  {
    SQLite::Database database(file_.string(), SQLite::OPEN_READWRITE);
    database.exec("ALTER TABLE sessions ADD COLUMN durable_bytes INTEGER");  // the second step of migration 2
  }
  EXPECT_THAT(error_of([&] { Writer writer(file_); }), HasSubstr("durable_bytes"));
  SQLite::Database database(file_.string(), SQLite::OPEN_READONLY);
  EXPECT_EQ(database.execAndGet("PRAGMA user_version").getInt(), 1);
  const auto columns = columns_of(file_, "sessions");
  EXPECT_EQ(std::count(columns.begin(), columns.end(), "parked_seconds"), 0);
}

TEST_F(Opening, FileModesFollowTheUmask) {
  ::umask(077);
  Writer writer(file_);
  put(writer, 1);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    const auto info = posix::find(file_.string() + suffix);
    ASSERT_TRUE(info) << suffix;
    EXPECT_EQ(info->mode & 0777, 0600U) << suffix;
  }
}

TEST_F(Opening, ANewerVersionIsRefusedAndUntouched) {
  { Writer writer(file_); }
  {
    SQLite::Database database(file_.string(), SQLite::OPEN_READWRITE);
    database.exec("PRAGMA user_version = 999");
  }
  EXPECT_THAT(error_of([&] { Writer writer(file_); }), HasSubstr("version 999 is newer"));
  EXPECT_THAT(error_of([&] { Reader reader(file_); }), HasSubstr("version 999 is newer"));
  SQLite::Database database(file_.string(), SQLite::OPEN_READONLY);
  EXPECT_EQ(database.execAndGet("PRAGMA user_version").getInt(), 999);
}

TEST_F(Opening, AFailedMigrationLeavesNothing) {
  {
    SQLite::Database database(file_.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec("CREATE TABLE members (mine TEXT)");  // migration 1 makes others before this one
  }
  EXPECT_THAT(error_of([&] { Writer writer(file_); }), HasSubstr("members"));
  EXPECT_TRUE(columns_of(file_, "uploads").empty());
  SQLite::Database database(file_.string(), SQLite::OPEN_READONLY);
  EXPECT_EQ(database.execAndGet("PRAGMA user_version").getInt(), 0);
}

TEST_F(Opening, ASecondWriterIsRefused) {
  Writer writer(file_);
  EXPECT_THAT(error_of([&] { Writer second(file_); }), HasSubstr("another dync-committer"));
}

TEST_F(Opening, AFileThatIsNoLedgerIsRefusedByName) {
  std::ofstream(file_) << std::string(8192, 'x');
  EXPECT_THAT(error_of([&] { Writer writer(file_); }), HasSubstr(file_.string()));
}

TEST_F(Opening, ADamagedLedgerIsRefused) {
  {
    Writer writer(file_);
    for (unsigned i = 0; i < 300; ++i) put(writer, i);
  }
  {
    std::fstream damaged(file_, std::ios::in | std::ios::out);
    damaged.seekp(5 * 4096);
    damaged << std::string(3 * 4096, 'x');
  }
  EXPECT_NE(error_of([&] { Writer writer(file_); }), "");
}

TEST_F(Opening, NoLedgerIsAnErrorForAReader) {
  EXPECT_THAT(error_of([&] { Reader reader(file_); }), HasSubstr(file_.string()));
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(Opening, AnOperatorWithoutWritePermissionReadsBesideTheWriterAndAfterItsStop) {
  ASSERT_EQ(::geteuid(), 0U) << "this test must be run by root: it becomes nobody to read";
  ::chmod(directory_.path().c_str(), 0755);
  const auto read = [this] {
    Reader reader(file_);
    return reader.upload(id_of(1)).has_value() && ::access(file_.c_str(), W_OK) != 0;
  };
  {
    Writer writer(file_);
    put(writer, 1);
    EXPECT_EQ(as_nobody(read), 0) << "beside the writer";
  }
  EXPECT_EQ(as_nobody(read), 0) << "after a clean stop";
  EXPECT_EQ(as_nobody(read), 0) << "once more: a reader takes nothing away";
}

TEST_F(Opening, ACleanStopLeavesTheBlocksAhead) {
  constexpr std::uint64_t kAhead = 8U << 20;
  const posix::Path log = file_.native() + "-wal";
  {
    Writer writer(file_);
    put(writer, 1);
    ASSERT_TRUE(writer.keep_room(kAhead));
  }
  EXPECT_GE(posix::find(log)->taken, kAhead) << "a disk that gets full meanwhile lets the next one start";
  { Reader reader(file_); }
  EXPECT_GE(posix::find(log)->taken, kAhead);
  Writer again(file_);
  EXPECT_TRUE(again.read().upload(id_of(1)));
}

TEST_F(Opening, AReaderOfTheSameUserTakesNothingAway) {
  { Writer writer(file_); }
  { Reader reader(file_); }
  EXPECT_TRUE(std::filesystem::exists(file_.string() + "-wal"));
  EXPECT_TRUE(std::filesystem::exists(file_.string() + "-shm"));
}

}  // namespace
}  // namespace dync::ledger
