#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <unordered_map>

#include "proto/ipc/messages.h"
#include "proto/ipc/shared_memory.h"
#include "proto/service/worker.h"
#include "proto/transport/socket.h"
#include "receiver/checkpoint_plan.h"
#include "receiver/hasher_links.h"
#include "receiver/kept_marks.h"
#include "receiver/room.h"
#include "receiver/staging_writer.h"
#include "schema/config/config.h"

namespace dync::receiver {

// The way of the bytes: from a message into a slot, to the writer's threads and to the hasher, and the marks
// that tell how far they came. Knows uploads, nothing of clients.
class DataPath {
 public:
  using Id = wire::Id;

  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_written(const Id& upload, std::uint64_t bytes) = 0;  // one chunk
    virtual void on_broken(const Id& upload, const wire::Refusal& why) = 0;
    virtual void on_synced(const ipc::Synced& synced) = 0;           // up to a planned offset
    virtual void on_received(const ipc::AllReceived& received) = 0;  // written, synced, closed
    virtual void on_closed(const ipc::Abort& abort) = 0;             // nothing writes it any more
    virtual void on_parked(const ipc::Park& park) = 0;               // the same, and what there is is synced
    virtual void on_stuck(std::uint64_t bytes) = 0;  // uploads wait for so much room, and none goes on
  };

  DataPath(service::Worker& worker, ipc::SharedMemory& memory, HasherLinks& hashers,
           const config::Config& config, KeptMarks kept, Listener& listener);

  // A new upload, or one that was parked: its file is cut to the bytes that it had then. False if the server
  // has as many uploads as marks. Throws posix::Error if its staging can't be used.
  bool open(const ipc::Opened& opened, std::uint32_t chunk_size, std::optional<std::uint64_t> size);
  // One of a receiver before this one. Its file is cut to the written mark (without one: to `known_bytes`),
  // for an original down to a multiple of `unit`; a complete one stays as it is. Returns the bytes that are
  // there, or nothing as above.
  std::optional<std::uint64_t> restore(const ipc::Restore& restore, std::uint64_t unit);
  // Frees the marks of what is not live any more.
  void keep_only(std::span<const Id> live);

  // The next bytes of the file, at `offset`. One call is one chunk.
  void take(const Id& upload, std::uint64_t offset, transport::Frame data);
  // No more chunks: on_received() follows once all is written.
  void complete(const Id& upload, std::uint64_t size, const digest::Digest& expected);
  // Ends an upload when its write under way has ended. With `abort`, on_closed() follows.
  void close(const Id& upload, std::optional<ipc::Abort> abort);
  // Ends one that stays as a partial, when all that was taken is written and synced. on_parked() follows, or
  // on_closed() if that fails.
  void park(const Id& upload, const std::string& why);

  // From now on keeps so much of the disk back.
  void use(const config::Limits& limits) { limits_ = limits; }
  // Bytes that are free on the disk for uploads.
  std::uint64_t room();
  // Nothing else made room: ends the upload that is in the others' way, if there is one. on_broken() follows.
  void give_up_one();

  // A hasher is a new one: what is written needs no slot any more.
  void free_slots_of(std::uint32_t hasher) { slots_.collect_written(hasher, hashers_.count()); }
  // Says Begin and End of its uploads once more. The same epoch twice changes nothing for a hasher.
  void tell_again(std::uint32_t hasher);
  // Each second: plans the checkpoints of slow uploads.
  void tick();
  // Where a later Begin of this epoch goes on.
  void checkpointed(const ipc::Checkpointed& message);
  // The written marks that moved since the last call.
  std::vector<ipc::Progress> progress();
  // Takes no more jobs, as the process is going to end. True when no write is under way.
  void stop() { stopping_ = true; }
  bool quiet() const noexcept { return writer_.pending() == 0; }

 private:
  struct Chunk {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    transport::Frame frame;            // its bytes, until it is in a slot
    std::span<const std::byte> bytes;  // in the slot, or in the frame if it is small
    std::optional<std::uint32_t> slot;
    bool granted = false;  // there is room for it on the disk
  };
  enum class Job { none, write, sync, finish };
  struct Upload {
    Id id;
    std::uint32_t mark = 0, epoch = 0;
    std::shared_ptr<StagedFile> file;
    std::deque<Chunk> chunks;  // not yet written, in order; the first one may be under way
    std::size_t placed = 0;    // how many of them, from the front, are placed
    Job job = Job::none;       // under way
    bool begun = false;        // the hasher knows it
    bool starving = false;     // stands in starving_
    bool writing = false;      // its first write was given to a thread
    bool durable = false;      // complete before this receiver began
    bool closing = false;
    std::optional<ipc::Abort> abort;
    std::optional<ipc::Park> park;             // no more chunks; said once all is written and synced
    std::optional<ipc::End> end;               // no more chunks
    std::optional<ipc::AllReceived> received;  // finished
    std::uint64_t written = 0, noted = 0;      // bytes; noted: as last told by progress()
    std::uint64_t taken = 0;                   // bytes, written or in chunks
    CheckpointPlan plan;
    std::optional<digest::Midstate> checkpoint;  // as the ledger has it
    std::uint64_t unhashed_at_last = 0;
  };

  // How an upload begins here.
  struct Start {
    std::uint32_t last_epoch = 0;
    std::uint64_t bytes = 0;  // that are there
    std::optional<std::uint64_t> size;
    std::uint32_t chunk_size = 0;
    std::optional<digest::Midstate> checkpoint;
  };
  Upload* add(const Id& upload, const Start& start);
  Upload* find(const Id& upload);
  static CheckpointTerms usual_checkpoints();
  void begin(Upload& upload);
  bool must_sync(const Upload& upload) const;
  void say_plan(Upload& upload);
  void synced(Upload& upload);
  void place_all(Upload& upload);
  bool place(Upload& upload, Chunk& chunk);
  bool hasher_lags(const Upload& upload) const;
  // ---- room on the disk (data_path_room.cc) ----
  bool has_room(const Upload& upload, Chunk& chunk);
  void measure();
  void no_room(Upload& upload);
  void unplace(Upload& upload);
  void let_go(Upload& upload);
  void look_for_room();
  void tell_of_room();
  static Room::Time now() { return std::chrono::steady_clock::now(); }

  void starve(Upload& upload);
  void feed_starving();
  void go_on(Upload& upload);
  void write_first(Upload& upload);
  void collect();
  void job_done(Upload& upload, Job job);
  void broken(Upload& upload, const wire::Refusal& why);
  void chunk_written(Upload& upload);
  void finished(Upload& upload);
  void shut(Upload& upload);

  service::Worker& worker_;
  ipc::SharedMemory& memory_;
  HasherLinks& hashers_;
  std::filesystem::path tmp_dir_;
  config::Limits limits_;
  Listener& listener_;
  ipc::MarkTable marks_;
  KeptMarks kept_;
  CheckpointTerms checkpoint_terms_;
  ipc::SlotPool slots_;
  std::unordered_map<Id, Upload> uploads_;
  Room room_;
  std::optional<Room::Time> measured_at_;
  bool short_ = false;  // the log tells that room is short
  Room::Time short_at_;
  std::deque<Id> starving_;
  bool looking_ = false;  // the timer of feed_starving() runs
  bool stopping_ = false;
  StagingWriter writer_;  // last: its threads end first
};

}  // namespace dync::receiver
