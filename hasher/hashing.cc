#include "hasher/hashing.h"

#include <algorithm>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "schema/limits/limits.h"

namespace dync::hasher {
namespace {

std::uint64_t end_of(const ipc::Chunk& chunk) {
  return chunk.offset + chunk.length;
}

// A checkpoint that can't be one of these bytes is as good as none.
digest::Sha256 digest_from(const ipc::Begin& begin, std::uint64_t written) {
  const auto& state = begin.checkpoint;
  if (!state || state->length > written || state->length % digest::kBlockBytes != 0) return {};
  return digest::Sha256(*state);
}

}  // namespace

Hashing::Hashing(const ipc::SharedMemory& memory, const ipc::Begin& begin, Clock::time_point now)
    : memory_(memory),
      begin_(begin),
      mark_(memory.mark(begin.mark)),
      digest_(digest_from(begin, written())),
      last_hint_(now) {
  advanced();
}

void Hashing::hint(const ipc::Chunk& chunk, Clock::time_point now) {
  const auto& sizes = memory_.sizes();
  if (chunk.epoch != begin_.epoch || outcome_ || confirming_ || chunk.offset < position()) return;
  if (chunk.slot >= sizes.slots || chunk.length == 0 || chunk.length > sizes.slot_bytes) return;
  last_hint_ = now;
  if (hints_.size() < limits::kMostHints) hints_.push_back(chunk);
}

void Hashing::plan(const ipc::Plan& plan) {
  if (plan.epoch != begin_.epoch || plan.offset < position() || confirming_) return;
  if (plan.offset % digest::kBlockBytes != 0) return;
  planned_ = plan.offset;
  passed(absorb({}));
}

void Hashing::end(const ipc::End& end) {
  if (end.epoch == begin_.epoch && !end_) end_ = end;
}

bool Hashing::is_over() const {
  return mark_.used.load(std::memory_order_acquire) == 0 ||
         mark_.epoch.load(std::memory_order_acquire) != begin_.epoch;
}

bool Hashing::has_work(Clock::time_point now) const {
  return !outcome_ && (hint_fits() || file_target(now) > position() || is_complete());
}

std::size_t Hashing::turn(const OpenStaged& open, std::span<std::byte> buffer, Clock::time_point now) {
  if (outcome_) return 0;
  std::size_t done = hash_hints(limits::kHashShare);
  const std::uint64_t target = file_target(now);
  if (done < limits::kHashShare && target > position())
    done += hash_file(open, buffer, std::min<std::uint64_t>(target, position() + limits::kHashShare - done));
  drop_hints_behind();
  if (is_complete()) conclude();
  return done;
}

std::uint64_t Hashing::written() const {
  return ipc::written_bytes(mark_, begin_.epoch);
}

std::optional<digest::Midstate> Hashing::absorb(std::span<const std::byte> bytes) {
  std::optional<digest::Midstate> state;
  if (planned_ && *planned_ <= position() + bytes.size()) {
    const auto before = bytes.first(static_cast<std::size_t>(*planned_ - position()));
    digest_.update(before);
    state = digest_.midstate();
    bytes = bytes.subspan(before.size());
  }
  digest_.update(bytes);
  return state;
}

void Hashing::passed(const std::optional<digest::Midstate>& state) {
  if (!state) return;
  planned_.reset();
  checkpoint_ = ipc::Checkpoint{begin_.upload, begin_.epoch, *state};
}

// ---- slots ----

bool Hashing::hint_fits() const {
  return !confirming_ && !hints_.empty() && hints_.front().offset == position();
}

void Hashing::drop_hints_behind() {
  while (!hints_.empty() && hints_.front().offset < position()) hints_.pop_front();
}

std::size_t Hashing::hash_hints(std::size_t most) {
  std::size_t done = 0;
  while (done < most && hint_fits()) {
    const std::size_t length = hints_.front().length;
    if (hash_hint()) done += length;
    hints_.pop_front();
    drop_hints_behind();
  }
  return done;
}

// The slot may get other bytes while it is read: then the digest goes back to its copy.
bool Hashing::hash_hint() {
  const ipc::Chunk& chunk = hints_.front();
  if (end_ && end_of(chunk) > end_->size) return false;
  const digest::Sha256 before = digest_;
  bool valid = ipc::slot_is(memory_, chunk.slot, chunk.generation);
  std::optional<digest::Midstate> state;
  if (valid) {
    state = absorb(memory_.slot(chunk.slot).first(chunk.length));
    valid = ipc::slot_is(memory_, chunk.slot, chunk.generation);
    if (!valid) digest_ = before;
  }
  if (!valid) {
    stale_until_ = std::max(stale_until_, end_of(chunk));
    return false;
  }
  from_slots_ += chunk.length;
  passed(state);
  advanced();
  return true;
}

// ---- the staged file ----

// How far the file is to be read now; at or below the position: not at all. Never beyond the written mark.
std::uint64_t Hashing::file_target(Clock::time_point now) const {
  const std::uint64_t there = end_ ? std::min(written(), end_->size) : written();
  if (there <= position()) return position();
  const bool far_behind = there - position() > limits::kHasherLag;
  if (confirming_ || far_behind || now - last_hint_ >= limits::kHintPause) return there;
  std::uint64_t target = stale_until_;
  if (!hints_.empty())
    target = std::max(target, hints_.front().offset);
  else if (end_)
    return there;
  return std::min(target, there);
}

std::size_t Hashing::hash_file(const OpenStaged& open, std::span<std::byte> buffer, std::uint64_t target) {
  try {
    const posix::Fd file = open(begin_.upload);
    posix::never_read_ahead(file.get());
    return read_pieces(file.get(), buffer, target);
  } catch (const posix::Error& error) {
    if (error.kind() == posix::Kind::exhausted) throw;
    unreadable(error.what());
    return 0;
  }
}

std::size_t Hashing::read_pieces(int fd, std::span<std::byte> buffer, std::uint64_t target) {
  std::size_t done = 0;
  while (position() < target) {
    const auto want = std::min<std::uint64_t>(buffer.size(), target - position());
    const auto piece = buffer.first(static_cast<std::size_t>(want));
    const std::size_t got = posix::read_at(fd, piece, position());
    passed(absorb(piece.first(got)));
    from_file_ += got;
    done += got;
    advanced();
    if (got == want) continue;
    unreadable("the staged file ends at byte " + std::to_string(position()) + ", though " +
               std::to_string(target) + " bytes were written to it");
    break;
  }
  return done;
}

// What an epoch that is over finds means nothing: its file may just be cut, or be gone.
void Hashing::unreadable(const std::string& sentence) {
  if (is_over()) return;
  outcome_ = ipc::Unreadable{begin_.upload, begin_.epoch, sentence};
}

// ---- the end ----

void Hashing::advanced() {
  if (!confirming_) ipc::store_hashed(mark_, begin_.epoch, position());
}

bool Hashing::is_complete() const {
  return end_ && !outcome_ && position() >= end_->size;
}

// A digest that is not the client's may be our own fault: only what the whole file says counts against it.
void Hashing::conclude() {
  const digest::Digest sha256 = digest_.value();
  const bool matches = position() == end_->size && sha256 == end_->expected;
  if (!matches && !confirming_ && position() > 0) {
    confirming_ = true;
    planned_.reset();
    hints_.clear();
    digest_ = digest::Sha256();
    return;
  }
  outcome_ = ipc::Verdict{begin_.upload, begin_.epoch, end_->size, sha256, matches, from_slots_, from_file_};
}

}  // namespace dync::hasher
