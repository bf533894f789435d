#include "tests/unit/session_pair/committer.h"

#include <algorithm>
#include <array>
#include <utility>

namespace dync::pair {

using namespace std::chrono_literals;

namespace {

constexpr milliseconds kSleep = 25s;
const wire::Refusal kSessionEnded{wire::Code::unknown, "the session has ended, post the file again"};

bool same_upload(const ipc::Open& one, const ipc::Open& other) {
  if (one.user != other.user || one.options.has_value() != other.options.has_value()) return false;
  return one.options ? one.options->key == other.options->key : one.routing_id == other.routing_id;
}

Id numbered(std::uint64_t number) {
  std::array<std::byte, Id::kBytes> bytes{};
  bytes[0] = std::byte{0xee};
  for (std::size_t i = 0; i < 8; ++i) bytes[15 - i] = static_cast<std::byte>(number >> (8 * i));
  return Id(bytes);
}

}  // namespace

void Committer::listen(Tell tell) {
  ++listener_;
  tell_ = std::move(tell);
}

void Committer::deaf() {
  ++listener_;
  tell_ = nullptr;
}

void Committer::say(const ipc::Message& message) {
  const auto* open = std::get_if<ipc::Open>(&message);
  const bool sleeps = open && open->options && dice_.chance(manner_.sleeps);
  last_in_ =
      std::max(last_in_, events_.now() + dice_.between(0ms, manner_.latency)) + (sleeps ? kSleep : 0ms);
  events_.at(last_in_, [this, message] { heard(message); });
}

void Committer::answer(const ipc::Message& message) {
  last_out_ = std::max(last_out_, events_.now() + dice_.between(0ms, manner_.latency));
  events_.at(last_out_, [this, message, listener = listener_] {
    if (listener == listener_ && tell_) tell_(message);
  });
}

void Committer::heard(const ipc::Message& message) {
  std::visit([this](const auto& each) { on(each); }, message);
}

void Committer::on(const ipc::Hello& /*hello*/) {
  checks_.happened("a receiver started");
  waiting_.clear();
  later_.clear();
  for (const Row& row : rows_)
    if (reserves(row)) restore(row);
  answer(ipc::Restored{});
}

void Committer::restore(const Row& row) {
  ipc::Restore restore{row.upload, row.open, row.epoch, 0, {}, 10};
  if (row.state == Row::State::received) {
    restore.seek = row.bytes;
    restore.client_sha256 = row.sha256;
  }
  answer(restore);
}

// Of two that ask for one upload the newer counts, and waits for whom the older one waited.
void Committer::on(const ipc::Open& message) {
  ipc::Open open = message;
  const auto older = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const ipc::Open& other) { return same_upload(other, open); });
  if (older != waiting_.end()) {
    if (!open.after) open.after = older->after;
    answer(ipc::Refused{older->request, {wire::Code::conflict, "taken over by another connection"}});
    waiting_.erase(older);
  }
  const Row* before = open.after ? row_of(*open.after) : nullptr;
  if (before && before->state == Row::State::receiving) {
    checks_.happened("a post-file waited for another upload");
    waiting_.push_back(std::move(open));
  } else {
    judge(open);
  }
}

void Committer::settled() {
  for (const ipc::Open& open : std::exchange(waiting_, {})) on(open);
}

// An attached upload goes on too: its receiver has no session for it, or it would have named it in `after`.
void Committer::judge(const ipc::Open& open) {
  Row* row = row_by(open);
  if (row && row->state == Row::State::committed)
    return answer(ipc::Finished{open.request, receipt_of(*row)});
  if (row && row->state == Row::State::received) return later_.push_back({open.request, row->upload});
  if (reserved(open, row)) {
    return answer(
        ipc::Refused{open.request, {wire::Code::conflict, open.filename + " is there or is being uploaded"}});
  }
  if (!row) {
    rows_.push_back({});
    row = &rows_.back();
    row->upload = numbered(++ids_);
  }
  if (row->state == Row::State::parked) {
    ++row->epoch;
    checks_.happened(row->open.routing_id == open.routing_id ? "resumed on the same connection"
                                                             : "resumed on another connection");
  }
  row->state = Row::State::receiving;
  row->open = open;
  opened(open.request, *row);
}

void Committer::opened(std::uint64_t request, const Row& row) {
  answer(ipc::Opened{request, row.upload, row.epoch, row.bytes, 10});
}

bool Committer::reserved(const ipc::Open& open, const Row* but) const {
  return std::any_of(rows_.begin(), rows_.end(), [&](const Row& row) {
    const bool there = row.state == Row::State::committed || reserves(row);
    return &row != but && row.open.filename == open.filename && there;
  });
}

void Committer::on(const ipc::Find& find) {
  for (auto row = rows_.rbegin(); row != rows_.rend(); ++row) {
    if (row->open.user != find.user || row->open.routing_id != find.routing_id) continue;
    if (row->state == Row::State::committed) return answer(ipc::Finished{find.request, receipt_of(*row)});
    if (row->state == Row::State::ended) return answer(ipc::Refused{find.request, row->refusal});
    if (row->state == Row::State::parked) return answer(ipc::Refused{find.request, kSessionEnded});
    return later_.push_back({find.request, row->upload});
  }
  answer(ipc::Refused{find.request, {wire::Code::unknown, "no upload is known on this connection"}});
}

void Committer::on(const ipc::AllReceived& received) {
  Row* row = row_of(received.upload);
  if (!row || row->state == Row::State::committed || row->state == Row::State::received) return;
  checks_.expect(row->state == Row::State::receiving, "an upload is complete that was not open",
                 row->open.filename);
  row->state = Row::State::received;
  row->bytes = received.size;
  row->sha256 = received.client_sha256;
  events_.in(dice_.between(0ms, manner_.latency * 4), [this, upload = row->upload] { commit(upload); });
  settled();
}

void Committer::commit(const Id& upload) {
  Row& row = *row_of(upload);
  row.state = Row::State::committed;
  const auto staged = staging_.find(upload);
  checks_.expect(staged != staging_.end() && staged->second.length == row.bytes,
                 "another number of bytes is staged than was received", row.open.filename);
  answer(ipc::Committed{upload, receipt_of(row)});
  for (const std::uint64_t request : take_later(upload)) answer(ipc::Finished{request, receipt_of(row)});
}

std::vector<std::uint64_t> Committer::take_later(const Id& upload) {
  std::vector<std::uint64_t> taken;
  std::erase_if(later_, [&](const Later& later) {
    if (later.upload != upload) return false;
    taken.push_back(later.request);
    return true;
  });
  return taken;
}

void Committer::on(const ipc::Abort& abort) {
  Row* row = row_of(abort.upload);
  if (!row || row->state == Row::State::committed || row->state == Row::State::ended) return;
  row->state = Row::State::ended;
  row->refusal = {abort.code, abort.sentence};
  for (const std::uint64_t request : take_later(row->upload)) answer(ipc::Refused{request, row->refusal});
  settled();
}

void Committer::on(const ipc::Park& park) {
  Row* row = row_of(park.upload);
  if (!row || row->state != Row::State::receiving || park.epoch < row->epoch) return;
  const auto staged = staging_.find(park.upload);
  const std::uint64_t length = staged == staging_.end() ? 0 : staged->second.length;
  checks_.expect(park.bytes == length, "an upload is parked with other bytes than are written",
                 row->open.filename);
  row->state = Row::State::parked;
  row->bytes = park.bytes;
  row->epoch = park.epoch;
  for (const std::uint64_t request : take_later(row->upload)) answer(ipc::Refused{request, kSessionEnded});
  settled();
}

Row* Committer::row_of(const Id& upload) {
  const auto found =
      std::find_if(rows_.begin(), rows_.end(), [&](const Row& row) { return row.upload == upload; });
  return found == rows_.end() ? nullptr : &*found;
}

// The newest that is not ended: by its key, or an original's by its routing id while it is live.
Row* Committer::row_by(const ipc::Open& open) {
  for (auto row = rows_.rbegin(); row != rows_.rend(); ++row) {
    if (row->open.user != open.user || row->state == Row::State::ended) continue;
    if (row->open.options.has_value() != open.options.has_value()) continue;
    if (open.options && row->open.options->key == open.options->key) return &*row;
    if (!open.options && row->open.routing_id == open.routing_id && reserves(*row)) return &*row;
  }
  return nullptr;
}

wire::Receipt Committer::receipt_of(const Row& row) const {
  return {row.upload, row.sha256, row.bytes, "/box/" + row.open.filename, "2026-01-01T00:00:00Z"};
}

}  // namespace dync::pair
