#include "receiver/data_path.h"

#include <algorithm>
#include <utility>

#include "proto/posix/crash_point.h"
#include "proto/posix/error.h"
#include "receiver/crash_points.h"
#include "schema/limits/limits.h"
#include "schema/names/names.h"

namespace dync::receiver {
namespace {

std::chrono::milliseconds room_patience() {
  const auto usual = static_cast<std::uint64_t>(limits::kRoomPatience.count());
  return std::chrono::milliseconds(posix::test_value("DYNC_TEST_ROOM_PATIENCE", usual));
}

}  // namespace

DataPath::DataPath(service::Worker& worker, ipc::SharedMemory& memory, HasherLinks& hashers,
                   const config::Config& config, KeptMarks kept, Listener& listener)
    : worker_(worker),
      memory_(memory),
      hashers_(hashers),
      tmp_dir_(config.storage.tmp_dir),
      limits_(config.limits),
      listener_(listener),
      marks_(memory),
      kept_(std::move(kept)),
      checkpoint_terms_(usual_checkpoints()),
      slots_(memory),
      room_(room_patience()),
      writer_(config.workers.writer_threads) {
  worker_.loop().on_readable(writer_.event_fd(), [this] { collect(); });
  worker_.loop().every(limits::kRoomPause, [this] { look_for_room(); });
}

DataPath::Upload* DataPath::find(const Id& upload) {
  const auto found = uploads_.find(upload);
  return found == uploads_.end() ? nullptr : &found->second;
}

// Nothing if no mark is free. The marks come before the file is cut: they must never tell more than there is.
DataPath::Upload* DataPath::add(const Id& id, const Start& start) {
  const auto mark = marks_.take(id, start.last_epoch, start.bytes);
  if (!mark) return nullptr;
  kept_.take(id, start.bytes);
  Upload& upload = uploads_[id];
  upload.id = id;
  upload.mark = mark->index;
  upload.epoch = mark->epoch;
  upload.written = upload.noted = upload.taken = start.bytes;
  upload.file = std::make_shared<StagedFile>(names::staging_dir(tmp_dir_, id), start.size);
  if (start.checkpoint && start.checkpoint->length <= start.bytes) upload.checkpoint = start.checkpoint;
  upload.plan =
      CheckpointPlan(checkpoint_terms_, start.chunk_size, upload.checkpoint ? upload.checkpoint->length : 0,
                     std::chrono::steady_clock::now());
  room_.join(id, start.size, start.bytes, 0);
  return &upload;
}

bool DataPath::open(const ipc::Opened& opened, std::uint32_t chunk_size, std::optional<std::uint64_t> size) {
  const StagedFile file(names::staging_dir(tmp_dir_, opened.upload), std::nullopt);
  std::uint64_t taken = 0;
  if (opened.seek > 0) {
    if (file.length() < opened.seek)
      throw posix::Error(ENODATA, "go on at " + std::to_string(opened.seek) + " bytes, there are fewer",
                         names::staging_dir(tmp_dir_, opened.upload).native());
    file.cut(opened.seek);
    taken = file.taken();
  }
  Upload* upload = add(opened.upload, {opened.epoch, opened.seek, size, chunk_size, opened.checkpoint});
  if (!upload) return false;
  if (opened.seek > 0) {
    room_.found(opened.upload, taken);
    begin(*upload);
  }
  posix::crash_point(crash::kOpened);
  return true;
}

// What is written: the marks know it, first those of this server's life, then those of this boot. Without
// any, it is what the ledger knows to be synced.
std::optional<std::uint64_t> DataPath::restore(const ipc::Restore& restore, std::uint64_t unit) {
  const auto& options = restore.session.options;
  const StagedFile file(names::staging_dir(tmp_dir_, restore.upload), std::nullopt);
  std::uint64_t bytes = restore.seek;
  if (!restore.client_sha256) {
    if (const auto index = marks_.find(restore.upload)) {
      bytes = ipc::last_written(memory_.mark(*index));
    } else if (const auto kept = kept_.find(restore.upload)) {
      bytes = *kept;
    }
    bytes = std::min(bytes, file.length()) / unit * unit;
    file.cut(bytes);
  }
  const std::uint64_t taken = file.taken();
  Upload* upload = add(restore.upload, {restore.epoch, bytes, options ? options->size : std::nullopt,
                                        restore.session.chunk_size, restore.checkpoint});
  if (!upload) return std::nullopt;
  if (bytes > 0) room_.found(restore.upload, taken);
  posix::crash_point(crash::kCut);
  upload->durable = restore.client_sha256.has_value();
  if (bytes > 0) begin(*upload);
  return bytes;
}

void DataPath::keep_only(std::span<const Id> live) {
  marks_.keep_only(live);
  kept_.keep_only(live);
}

void DataPath::begin(Upload& upload) {
  if (std::exchange(upload.begun, true)) return;
  hashers_.begin({upload.id, upload.mark, upload.epoch, upload.checkpoint});
}

void DataPath::take(const Id& id, std::uint64_t offset, transport::Frame data) {
  Upload* upload = find(id);
  if (!upload || upload->closing || upload->park || stopping_) return;
  Chunk chunk;
  chunk.offset = offset;
  chunk.length = data.bytes().size();
  chunk.frame = std::move(data);
  upload->taken = chunk.offset + chunk.length;
  upload->chunks.push_back(std::move(chunk));
  place_all(*upload);
  if (upload->plan.after_bytes(upload->taken)) say_plan(*upload);
  go_on(*upload);
}

void DataPath::complete(const Id& id, std::uint64_t size, const digest::Digest& expected) {
  Upload* upload = find(id);
  if (!upload || upload->closing) return;
  const std::uint64_t hashed = ipc::hashed_bytes(memory_.mark(upload->mark), upload->epoch);
  upload->unhashed_at_last = size - std::min(hashed, size);
  upload->end = ipc::End{id, upload->epoch, size, expected};
  go_on(*upload);
}

// The next job of an upload that has none under way.
void DataPath::go_on(Upload& upload) {
  if (upload.job != Job::none || stopping_) return;
  if (upload.closing) return shut(upload);
  if (must_sync(upload)) {
    upload.job = Job::sync;
    return writer_.sync(upload.id, upload.file);
  }
  if (upload.placed > 0) return write_first(upload);
  if (upload.park) let_go(upload);
  if (upload.chunks.empty() && upload.park) {
    upload.job = Job::finish;
    writer_.finish(upload.id, upload.file, upload.written);
  } else if (upload.chunks.empty() && upload.end && !upload.received) {
    if (upload.durable) return finished(upload);
    upload.job = Job::finish;
    writer_.finish(upload.id, upload.file, upload.end->size);
  }
}

void DataPath::write_first(Upload& upload) {
  const Chunk& first = upload.chunks.front();
  upload.job = Job::write;
  if (!std::exchange(upload.writing, true) && room_.fits_whole(upload.id)) upload.file->allow_ahead();
  writer_.write(upload.id, upload.file, first.bytes, first.offset);
}

void DataPath::collect() {
  for (const StagingWriter::Done& done : writer_.collect()) {
    Upload* upload = find(done.upload);
    if (!upload) continue;
    const Job job = std::exchange(upload->job, Job::none);
    if (done.failure) {
      worker_.log().error("upload.write_failed", {{"upload", done.upload.hex()}, {"error", done.detail}});
      broken(*upload, *done.failure);
    } else if (done.no_room) {
      worker_.log().debug("upload.no_room", {{"upload", done.upload.hex()}, {"error", done.detail}});
      no_room(*upload);
    } else if (!upload->closing) {
      job_done(*upload, job);
    }
    upload = find(done.upload);
    if (upload) go_on(*upload);
  }
}

// A partial that can't be written or synced does not stay, and nothing is tried again.
void DataPath::broken(Upload& upload, const wire::Refusal& why) {
  if (upload.closing) return;
  const Id id = upload.id;
  if (!upload.park) listener_.on_broken(id, why);
  Upload* left = find(id);
  if (!left || left->closing) return;
  left->closing = true;
  left->abort = ipc::Abort{id, why.code, why.sentence};
}

void DataPath::job_done(Upload& upload, Job job) {
  if (job == Job::write) return chunk_written(upload);
  if (job == Job::sync) return synced(upload);
  if (!upload.park) return finished(upload);
  ipc::Park park = *upload.park;
  park.bytes = upload.written;
  shut(upload);
  posix::crash_point(crash::kParked);
  listener_.on_parked(park);
}

void DataPath::chunk_written(Upload& upload) {
  const Chunk& chunk = upload.chunks.front();
  upload.written = chunk.offset + chunk.length;
  ipc::store_written(memory_.mark(upload.mark), upload.epoch, upload.written);
  kept_.store(upload.id, upload.written);
  posix::crash_point(crash::kWritten);
  const std::uint64_t length = chunk.length;
  upload.chunks.pop_front();
  --upload.placed;
  room_.wrote(upload.id, length, now());
  if (upload.file->allocated()) room_.allocated(upload.id);
  if (!upload.starving) place_all(upload);
  listener_.on_written(upload.id, length);
}

void DataPath::finished(Upload& upload) {
  posix::crash_point(crash::kFinished);
  const ipc::WriteCounters counters{upload.file->direct_bytes(), upload.file->buffered_bytes(),
                                    upload.unhashed_at_last};
  upload.received =
      ipc::AllReceived{upload.id, upload.epoch, upload.end->size, upload.end->expected, counters};
  begin(upload);
  hashers_.end(upload.mark, *upload.end);
  listener_.on_received(*upload.received);
}

void DataPath::close(const Id& id, std::optional<ipc::Abort> abort) {
  Upload* upload = find(id);
  if (!upload) {
    if (abort) listener_.on_closed(*abort);
    return;
  }
  upload->closing = true;
  upload->abort = std::move(abort);
  go_on(*upload);
}

// What was taken is written first: it was counted.
void DataPath::park(const Id& id, const std::string& why) {
  Upload* upload = find(id);
  if (!upload || upload->closing || upload->park) return;
  upload->park = ipc::Park{id, upload->epoch, 0, why};
  go_on(*upload);
}

void DataPath::shut(Upload& upload) {
  upload.file->close();
  hashers_.drop(upload.mark, upload.id);
  marks_.give_back(upload.mark);
  kept_.retire(upload.id);
  room_.leave(upload.id, now());
  const std::optional<ipc::Abort> abort = std::move(upload.abort);
  uploads_.erase(Id(upload.id));
  if (abort) listener_.on_closed(*abort);
}

void DataPath::tell_again(std::uint32_t hasher) {
  for (auto& [id, upload] : uploads_) {
    if (!upload.begun || hashers_.hasher_of(upload.mark) != hasher) continue;
    hashers_.begin({id, upload.mark, upload.epoch, upload.checkpoint});
    if (upload.plan.open()) hashers_.plan(upload.mark, {id, upload.epoch, *upload.plan.open()});
    if (upload.received) hashers_.end(upload.mark, *upload.end);
  }
}

std::vector<ipc::Progress> DataPath::progress() {
  std::vector<ipc::Progress> moved;
  for (auto& [id, upload] : uploads_) {
    if (upload.written == upload.noted) continue;
    upload.noted = upload.written;
    moved.push_back({id, upload.written});
  }
  return moved;
}

}  // namespace dync::receiver
