#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "proto/posix/fd.h"
#include "schema/ledger/reader.h"
#include "schema/ledger/records.h"

namespace dync::ledger {

// The only door for changes, held by the one committer. Every change belongs to a Batch; none is durable
// before its commit() returned.
class Writer {
 public:
  // Takes the lock (Error if another committer lives and has not ended within `wait`), opens or makes the
  // file, checks it, migrates it in one transaction. Refuses a ledger of a newer version. File modes follow
  // the umask.
  explicit Writer(const Path& file, std::chrono::milliseconds wait = {});
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();

  const Reader& read() const noexcept { return reader_; }
  // Made by this Writer: nothing was there before.
  bool is_new() const noexcept { return new_; }

  // A full disk must not stop the ledger: takes up to `bytes` of the disk for its write-ahead log, before
  // they are needed, and a step more for the file itself. To be called again now and then, outside of a
  // Batch: what is there already costs nothing. False if the disk has no room for all of it.
  bool keep_room(std::uint64_t bytes);

  void set_left_alone(const std::set<Id>& ledgers);
  // Again: it goes on waiting.
  void add_orphan(const Path& directory, const Id& upload);
  void set_orphan_waited(const Path& directory, std::uint64_t seconds);
  void drop_orphan(const Path& directory);
  void set_boot_id(const std::string& boot_id);

  // `upload.state` is receiving; created_at and updated_at are set here.
  void add(const Upload& upload, const Session& session);
  void set_progress(const Id& id, std::uint64_t bytes);
  void set_received(const Id& id, std::uint64_t size, std::uint32_t epoch, const Digest& client_sha256);
  void set_epoch(const Id& id, std::uint32_t epoch);
  // A `receiving` upload lost its session: it waits with so many synced bytes and gives its destination up.
  void set_parked(const Id& id, std::uint32_t epoch, std::uint64_t bytes);
  void set_waited(const Id& id, std::uint64_t seconds);  // a parked or a kept one
  // A session serves it again: name, metadata and destination as they were posted last, and what it reserves.
  void set_resumed(const Upload& upload, const Session& session);
  // Its staged bytes are gone, and with them its checkpoint: it starts at 0.
  void set_lost(const Id& id);
  void set_verified(const Id& id, const Digest& sha256);
  // An archive's item got its name: reserves it in place of the former destination.
  void set_destination(const Id& id, const std::string& clean_name, const std::string& destination);
  // A step without further columns: extracting, committing, committed.
  void set_state(const Id& id, State state);
  // failed, aborted or expired; gives the reservation up.
  void set_ended(const Id& id, State state, std::uint32_t code, const std::string& sentence, bool kept);
  // Its verified data is not in staging any more.
  void set_not_kept(const Id& id);
  void set_held(const Id& id);
  // Replaces what an earlier try wrote.
  void set_members(const Id& id, std::span<const Member> members);
  // In place of an older one, and so many bytes are durable. It goes when the upload is verified, lost or
  // ended.
  void set_checkpoint(const Id& id, const Checkpoint& checkpoint);

  void add_event(const std::optional<Id>& id, std::string_view process, std::string_view event,
                 const std::string& detail);

 private:
  friend class Batch;
  void step(const Id& id, State to);
  void drop_checkpoint(const Id& id);

  posix::Fd lock_;
  std::shared_ptr<Connection> connection_;
  Reader reader_;
  bool new_ = false;
};

// One transaction. Rolled back unless commit() returned. A commit that throws leaves the file's state
// unknown: the process must answer nobody, exit and replay.
class Batch {
 public:
  explicit Batch(Writer& writer);
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  ~Batch();

  void commit();

 private:
  Connection& connection_;
  bool open_ = true;
};

}  // namespace dync::ledger
