#include <algorithm>
#include <utility>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "receiver/data_path.h"
#include "schema/limits/limits.h"

// What happens when the staging disk is full: a chunk without room stays and is tried again, its credit does
// not come back meanwhile, and so its client waits.
namespace dync::receiver {
namespace {

wire::Refusal in_the_way() {
  return {
      wire::Code::no_space,
      "the server's disk is full, and this upload of unknown size was ended so that older ones can finish, "
      "send it again when there is room"};
}

}  // namespace

bool DataPath::has_room(const Upload& upload, Chunk& chunk) {
  if (chunk.granted) return true;
  measure();
  chunk.granted = room_.grant(upload.id, chunk.length, now());
  return chunk.granted;
}

// Between two measurements the book knows what we use ourselves. Where the disk can't be asked, it says
// itself at a write that it is full.
void DataPath::measure() {
  const Room::Time at = now();
  if (measured_at_ && at - *measured_at_ < limits::kRoomMeasured) return;
  measured_at_ = at;
  try {
    const posix::Space space = posix::space_of(tmp_dir_);
    const std::uint64_t kept = config::kept_back(limits_, space.total);
    room_.measured(space.free - std::min(space.free, kept));
  } catch (const posix::Error& error) {
    worker_.log().debug("room.unknown", {{"error", error.what()}});
  }
}

std::uint64_t DataPath::room() {
  measure();
  return room_.available();
}

void DataPath::no_room(Upload& upload) {
  unplace(upload);
  room_.refused(upload.id, now());
}

// Others may need the slots to finish.
void DataPath::unplace(Upload& upload) {
  for (Chunk& chunk : upload.chunks) {
    chunk.granted = false;
    if (!chunk.slot) continue;
    chunk.frame = transport::Frame(
        std::string_view(reinterpret_cast<const char*>(chunk.bytes.data()), chunk.bytes.size()));
    slots_.give_back(*std::exchange(chunk.slot, std::nullopt));
  }
  upload.placed = 0;
}

// A partial keeps what is written; its client sends the rest again. It is not to wait for room with an end
// that its client waits for.
void DataPath::let_go(Upload& upload) {
  if (!upload.chunks.empty() && room_.waits(upload.id)) upload.chunks.clear();
}

// The oldest first.
void DataPath::look_for_room() {
  for (const Id& id : room_.waiting()) {
    Upload* upload = find(id);
    if (!upload || upload->closing || upload->starving) continue;
    place_all(*upload);
    go_on(*upload);
  }
  tell_of_room();
  if (const auto missed = room_.stuck(now())) listener_.on_stuck(*missed);
}

void DataPath::tell_of_room() {
  const bool waits = !room_.waiting().empty();
  if (waits) short_at_ = now();
  if (waits == short_ || (short_ && now() - short_at_ < limits::kRoomBack)) return;
  short_ = waits;
  const std::uint64_t free = room_.available();
  if (short_)
    worker_.log().warning("room.short",
                          {{"free", free}, {"missed", room_.missed()}, {"waiting", room_.waiting().size()}});
  else
    worker_.log().info("room.back", {{"free", free}});
}

void DataPath::give_up_one() {
  const auto victim = room_.victim();
  if (victim) listener_.on_broken(*victim, in_the_way());
}

}  // namespace dync::receiver
