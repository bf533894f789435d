#include "schema/ledger/writer.h"

#include <algorithm>
#include <stdexcept>

#include "proto/posix/file.h"
#include "proto/posix/process.h"
#include "schema/ledger/connection.h"
#include "schema/ledger/opening.h"
#include "schema/ledger/rows.h"
#include "schema/ledger/statements.h"
#include "schema/limits/limits.h"
#include "schema/names/names.h"

namespace dync::ledger {
namespace {

constexpr std::uint64_t kPage = 4096;        // bytes, SQLite's own default
constexpr std::uint64_t kUsualPages = 1000;  // of the log before they go into the file, the same

std::optional<std::int64_t> as_number(const std::optional<std::uint32_t>& value) {
  return value ? std::optional<std::int64_t>(*value) : std::nullopt;
}

}  // namespace

Writer::Writer(const Path& file, std::chrono::milliseconds wait)
    : lock_(take_lock(file, wait)), connection_(open_for_writing(file)), reader_(connection_) {
  new_ = migrate(*connection_) == Before::nothing;
}

// With a limit SQLite cuts a log that stays to nothing, and on a disk that gets full meanwhile the next
// writer could not begin.
Writer::~Writer() {
  try {
    connection_->execute(sql::kKeepLogsSize);
  } catch (const Error&) {
    // The next one asks for the blocks anew.
  }
}

// The log is begun anew before its blocks are used up: what it holds goes into the file at a quarter of them.
bool Writer::keep_room(std::uint64_t bytes) {
  if (bytes == 0) return true;
  const std::uint64_t pages = std::clamp<std::uint64_t>(bytes / kPage / 4, 1, kUsualPages);
  connection_->execute(sql::kCheckpointAfter + std::to_string(pages));
  std::uint64_t used = 0;
  {
    Query query = connection_->query(sql::kPages);
    if (query.next()) used = query.size(0);
  }
  const bool file = connection_->take_blocks(used + limits::kLedgerStep / 2);
  return posix::allocate_ahead(names::ledger_wal(connection_->file()), bytes) && file;
}

void Writer::set_left_alone(const std::set<Id>& ledgers) {
  std::string all;
  for (const Id& id : ledgers) all += id.hex();
  connection_->query(sql::kSetMeta).add(sql::kLeftAlone).add(all).run();
}

void Writer::add_orphan(const Path& directory, const Id& upload) {
  connection_->query(sql::kAddOrphan).add(directory.native()).add(upload.hex()).run();
}

void Writer::set_orphan_waited(const Path& directory, std::uint64_t seconds) {
  connection_->query(sql::kSetOrphanWaited).add_size(seconds).add(directory.native()).run();
}

void Writer::drop_orphan(const Path& directory) {
  connection_->query(sql::kDropOrphan).add(directory.native()).run();
}

void Writer::set_boot_id(const std::string& boot_id) {
  connection_->query(sql::kSetMeta).add(sql::kBootId).add(boot_id).run();
}

void Writer::add(const Upload& upload, const Session& session) {
  const std::string now = posix::utc_now();
  Query row = connection_->query(sql::kAddUpload);
  row.add(upload.upload_id.hex()).add(upload.origin).add(upload.filename).add(upload.clean_name);
  row.add(upload.destination).add(upload.metadata).add(std::int64_t{upload.untar});
  if (upload.size_declared)
    row.add_size(*upload.size_declared);
  else
    row.add_null();
  row.add(now).add(now).run();

  Query internal = connection_->query(sql::kAddSession);
  internal.add(upload.upload_id.hex())
      .add(upload.origin)
      .add_blob(std::as_bytes(std::span(session.routing_id)));
  if (session.key)
    internal.add(session.key->hex());
  else
    internal.add_null();
  internal.add(session.mtime_ns).add(std::int64_t{!session.key}).add(std::int64_t{session.chunk_size});
  internal.add(std::int64_t{session.max_queue}).add(std::int64_t{session.epoch}).add(session.reserves);
  internal.add(as_number(session.mode)).add(as_number(session.group_id)).add(session.dropbox_staging).run();
}

void Writer::set_progress(const Id& id, std::uint64_t bytes) {
  connection_->query(sql::kSetProgress).add(id.hex()).add_size(bytes).add(posix::utc_now()).run();
}

void Writer::set_received(const Id& id, std::uint64_t size, std::uint32_t epoch,
                          const Digest& client_sha256) {
  step(id, State::received);
  connection_->query(sql::kSetSize).add_size(size).add(id.hex()).run();
  connection_->query(sql::kSetReceived)
      .add(std::int64_t{epoch})
      .add(digest::to_hex(client_sha256))
      .add(id.hex())
      .run();
}

void Writer::set_epoch(const Id& id, std::uint32_t epoch) {
  connection_->query(sql::kSetEpoch).add(std::int64_t{epoch}).add(id.hex()).run();
}

void Writer::set_parked(const Id& id, std::uint32_t epoch, std::uint64_t bytes) {
  set_progress(id, bytes);
  connection_->query(sql::kSetParked).add(std::int64_t{epoch}).add_size(bytes).add(id.hex()).run();
}

void Writer::set_waited(const Id& id, std::uint64_t seconds) {
  connection_->query(sql::kSetWaited).add_size(seconds).add(id.hex()).run();
}

void Writer::set_resumed(const Upload& upload, const Session& session) {
  const std::string id = upload.upload_id.hex();
  Query posted = connection_->query(sql::kSetPosted);
  posted.add(upload.filename).add(upload.clean_name).add(upload.destination).add(upload.metadata);
  posted.add(std::int64_t{upload.untar}).add(posix::utc_now()).add(id).run();
  Query attached = connection_->query(sql::kAttach);
  attached.add_blob(std::as_bytes(std::span(session.routing_id))).add(std::int64_t{session.chunk_size});
  attached.add(std::int64_t{session.max_queue}).add(std::int64_t{session.epoch});
  attached.add(session.reserves).add(as_number(session.mode)).add(as_number(session.group_id));
  attached.add(session.dropbox_staging).add(id).run();
}

void Writer::set_lost(const Id& id) {
  set_progress(id, 0);
  connection_->query(sql::kSetDurable).add_size(0).add(id.hex()).run();
  drop_checkpoint(id);
}

void Writer::set_verified(const Id& id, const Digest& sha256) {
  step(id, State::verified);
  connection_->query(sql::kSetSha256).add(digest::to_hex(sha256)).add(id.hex()).run();
  drop_checkpoint(id);
}

void Writer::set_destination(const Id& id, const std::string& clean_name, const std::string& destination) {
  connection_->query(sql::kSetDestination).add(clean_name).add(destination).add(id.hex()).run();
  connection_->query(sql::kReserve).add(destination).add(id.hex()).run();
}

void Writer::set_state(const Id& id, State state) {
  step(id, state);
  if (!is_live(state)) connection_->query(sql::kEndSession).add(std::int64_t{0}).add(id.hex()).run();
}

void Writer::set_ended(const Id& id, State state, std::uint32_t code, const std::string& sentence,
                       bool kept) {
  step(id, state);
  connection_->query(sql::kSetError).add(std::int64_t{code}).add(sentence).add(id.hex()).run();
  connection_->query(sql::kEndSession).add(std::int64_t{kept}).add(id.hex()).run();
  drop_checkpoint(id);
}

void Writer::set_not_kept(const Id& id) {
  connection_->query(sql::kEndSession).add(std::int64_t{0}).add(id.hex()).run();
}

void Writer::set_held(const Id& id) {
  connection_->query(sql::kSetHeld).add(id.hex()).run();
}

void Writer::set_members(const Id& id, std::span<const Member> members) {
  connection_->query(sql::kDropMembers).add(id.hex()).run();
  for (const Member& member : members)
    connection_->query(sql::kAddMember)
        .add(id.hex())
        .add(member.path)
        .add_size(member.size)
        .add(digest::to_hex(member.sha256))
        .run();
}

void Writer::set_checkpoint(const Id& id, const Checkpoint& checkpoint) {
  const std::string words = blob_of(checkpoint.state);
  drop_checkpoint(id);
  connection_->query(sql::kAddCheckpoint)
      .add(id.hex())
      .add_size(checkpoint.state.length)
      .add_blob(std::as_bytes(std::span(words)))
      .add(std::int64_t{checkpoint.epoch})
      .run();
  connection_->query(sql::kRaiseDurable).add_size(checkpoint.state.length).add(id.hex()).run();
}

void Writer::drop_checkpoint(const Id& id) {
  connection_->query(sql::kDropCheckpoint).add(id.hex()).run();
}

void Writer::add_event(const std::optional<Id>& id, std::string_view process, std::string_view event,
                       const std::string& detail) {
  Query query = connection_->query(sql::kAddEvent);
  if (id)
    query.add(id->hex());
  else
    query.add_null();
  query.add(posix::utc_now()).add(process).add(event).add(detail).run();
}

void Writer::step(const Id& id, State to) {
  {
    Query query = connection_->query(sql::kState);
    query.add(id.hex());
    if (!query.next()) throw std::logic_error("the ledger has no upload " + id.hex());
    const State from = state_from(query, 0);
    if (!may_follow(from, to))
      throw std::logic_error("upload " + id.hex() + " can't go from " + std::string(text_of(from)) + " to " +
                             std::string(text_of(to)));
  }
  const std::string now = posix::utc_now();
  Query query = connection_->query(sql::kSetState);
  query.add(id.hex()).add(text_of(to)).add(now);
  if (is_live(to))
    query.add_null();
  else
    query.add(now);
  query.run();
}

Batch::Batch(Writer& writer) : connection_(*writer.connection_) {
  connection_.query(sql::kBegin).run();
}

Batch::~Batch() {
  if (!open_) return;
  try {
    connection_.query(sql::kRollback).run();
  } catch (const Error&) {
    // SQLite rolls back by itself after some errors, and then says that there is no transaction.
  }
}

void Batch::commit() {
  connection_.query(sql::kCommit).run();
  open_ = false;
}

}  // namespace dync::ledger
