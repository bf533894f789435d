#include "proto/posix/crash_point.h"
#include "receiver/crash_points.h"
#include "receiver/data_path.h"
#include "schema/limits/limits.h"

// How an upload gets its checkpoints: an offset is planned, the hasher says its state there, and when all up
// to it is written it is synced. The committer brings both together.
namespace dync::receiver {

CheckpointTerms DataPath::usual_checkpoints() {
  return {posix::test_value("DYNC_TEST_CHECKPOINT", limits::kCheckpoint),
          std::chrono::seconds(posix::test_value("DYNC_TEST_CHECKPOINT_PAUSE",
                                                 std::uint64_t{limits::kCheckpointPause.count()}))};
}

void DataPath::say_plan(Upload& upload) {
  begin(upload);
  hashers_.plan(upload.mark, {upload.id, upload.epoch, *upload.plan.open()});
}

// At the end all is synced anyway.
bool DataPath::must_sync(const Upload& upload) const {
  const bool at_end = upload.chunks.empty() && (upload.park || upload.end);
  return !at_end && upload.plan.is_due(upload.written);
}

void DataPath::synced(Upload& upload) {
  if (!upload.plan.open()) return;
  upload.plan.synced(std::chrono::steady_clock::now());
  posix::crash_point(crash::kSynced);
  listener_.on_synced({upload.id, upload.epoch, *upload.plan.open()});
}

void DataPath::tick() {
  const Time now = std::chrono::steady_clock::now();
  for (auto& [id, upload] : uploads_) {
    if (upload.closing || upload.park || upload.end) continue;
    const std::uint64_t hashed = ipc::hashed_bytes(memory_.mark(upload.mark), upload.epoch);
    if (!upload.plan.after_time(upload.taken, hashed, now)) continue;
    say_plan(upload);
    go_on(upload);
  }
}

void DataPath::checkpointed(const ipc::Checkpointed& message) {
  Upload* upload = find(message.upload);
  if (!upload || upload->epoch != message.epoch || message.state.length > upload->written) return;
  upload->checkpoint = message.state;
  upload->plan.recorded(message.state.length, std::chrono::steady_clock::now());
}

}  // namespace dync::receiver
