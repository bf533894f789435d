#include "schema/ledger/opening.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <thread>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "proto/posix/process.h"
#include "schema/ledger/connection.h"
#include "schema/ledger/migrations.h"
#include "schema/ledger/statements.h"
#include "schema/limits/limits.h"
#include "schema/names/names.h"

namespace dync::ledger {
namespace {

constexpr std::chrono::milliseconds kLockPoll{20};

std::string answer(Connection& connection, const char* sql) {
  Query query = connection.query(sql);
  return query.next() ? query.text(0) : std::string();
}

void check(Connection& connection) {
  const std::string found = answer(connection, sql::kQuickCheck);
  if (found != "ok")
    throw Error("ledger " + connection.file() + ": it is damaged (" + found +
                "); restore it from a backup made by dync-admin backup");
}

std::string new_id() {
  std::array<std::byte, Id::kBytes> random{};
  posix::random_bytes(random);
  return Id::uuid4(random).hex();
}

std::size_t version_of(Connection& connection) {
  Query query = connection.query(sql::kVersion);
  query.next();
  return static_cast<std::size_t>(query.number(0));
}

void apply_from(Connection& connection, std::size_t version) {
  const auto steps = migrations();
  connection.execute(sql::kBegin);
  for (std::size_t i = version; i < steps.size(); ++i) connection.execute(steps[i]);
  if (version == 0) connection.query(sql::kSetMeta).add(sql::kLedgerId).add(new_id()).run();
  connection.execute(sql::kSetVersion + std::to_string(steps.size()));
  connection.execute(sql::kCommit);
}

}  // namespace

// flock(2) knows no deadline, so it is asked again and again.
posix::Fd take_lock(const Path& file, std::chrono::milliseconds wait) {
  const Path path = names::ledger_lock(file);
  posix::Fd lock = posix::open_file(path, O_RDWR | O_CREAT, 0666);
  const auto deadline = std::chrono::steady_clock::now() + wait;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) posix::fail("lock", path.string());
    if (std::chrono::steady_clock::now() >= deadline)
      throw Error("ledger " + file.string() + ": another dync-committer holds " + path.string());
    std::this_thread::sleep_for(kLockPoll);
  }
  return lock;
}

std::shared_ptr<Connection> open_for_writing(const Path& file) {
  auto connection = std::make_shared<Connection>(file, Connection::Mode::read_write);
  if (answer(*connection, sql::kJournal) != "wal")
    throw Error("ledger " + file.string() +
                ": its file system knows no write-ahead log; move it to a local one");
  connection->execute(sql::kWriterSettings);
  connection->keep_wal();
  connection->grow_in_steps(limits::kLedgerStep);
  check(*connection);
  return connection;
}

Before migrate(Connection& connection) {
  const std::size_t version = version_of(connection);
  const std::size_t known = migrations().size();
  if (version > known)
    throw Error("ledger " + connection.file() + ": its version " + std::to_string(version) +
                " is newer than this program knows (" + std::to_string(known) +
                "); install the dync that wrote it");
  if (version < known) apply_from(connection, version);
  return version == 0 ? Before::nothing : Before::a_ledger;
}

}  // namespace dync::ledger
