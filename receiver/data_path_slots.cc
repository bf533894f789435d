#include <algorithm>
#include <cstring>
#include <utility>

#include "receiver/data_path.h"
#include "schema/limits/limits.h"

// How chunks get into slots, and what happens when there is none. A slot becomes free without a word, when
// both marks have passed it, so a chunk that found none is looked after by a short timer.
namespace dync::receiver {

// In order: a chunk that waits for room or for a slot holds back those behind it. Without room it takes no
// slot.
void DataPath::place_all(Upload& upload) {
  while (upload.placed < upload.chunks.size()) {
    Chunk& chunk = upload.chunks[upload.placed];
    if (!has_room(upload, chunk)) return;
    if (!place(upload, chunk)) return starve(upload);
    ++upload.placed;
  }
}

bool DataPath::place(Upload& upload, Chunk& chunk) {
  if (chunk.length <= limits::kSmallUpload) {
    chunk.bytes = std::as_const(chunk.frame).bytes();
    return true;
  }
  const bool lags = hasher_lags(upload);
  const auto until = lags ? ipc::SlotPool::Until::written : ipc::SlotPool::Until::hashed;
  const auto lent = slots_.lend(upload.mark, upload.epoch, chunk.offset + chunk.length, until);
  if (!lent) return false;
  const auto data = std::as_const(chunk.frame).bytes();
  std::memcpy(lent->bytes.data(), data.data(), data.size());
  chunk.bytes = lent->bytes.first(data.size());
  chunk.slot = lent->slot;
  chunk.frame = transport::Frame();
  if (lags) return true;
  begin(upload);
  hashers_.hint(upload.mark,
                ipc::Chunk{upload.id, upload.epoch, chunk.offset, static_cast<std::uint32_t>(chunk.length),
                           lent->slot, lent->generation});
  return true;
}

// Far behind, as after its restart, a hasher reads the file anyway and would only hold the slots.
bool DataPath::hasher_lags(const Upload& upload) const {
  const std::uint64_t hashed = ipc::hashed_bytes(memory_.mark(upload.mark), upload.epoch);
  return upload.written > hashed && upload.written - hashed > limits::kHasherLag;
}

void DataPath::starve(Upload& upload) {
  if (!std::exchange(upload.starving, true)) starving_.push_back(upload.id);
  if (std::exchange(looking_, true)) return;
  worker_.loop().after(limits::kSlotPause, [this] {
    looking_ = false;
    feed_starving();
  });
}

// Each of those that wait gets its turn once; who still waits then goes to the end.
void DataPath::feed_starving() {
  slots_.collect();
  for (std::size_t turns = starving_.size(); turns > 0; --turns) {
    const Id id = starving_.front();
    starving_.pop_front();
    Upload* upload = find(id);
    if (!upload) continue;
    upload->starving = false;
    if (upload->closing) continue;
    place_all(*upload);
    go_on(*upload);
  }
}

}  // namespace dync::receiver
