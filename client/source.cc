#include "client/source.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

#include "proto/posix/error.h"
#include "proto/posix/process.h"
#include "schema/limits/limits.h"

namespace dync::client {

namespace {

// One chunk, but no more than a small file needs.
std::size_t buffer_bytes(std::uint32_t chunk_size, std::optional<std::uint64_t> size) {
  return static_cast<std::size_t>(std::clamp<std::uint64_t>(size.value_or(chunk_size), 1, chunk_size));
}

}  // namespace

Source::Source(std::unique_ptr<Input> input, HashNotes* notes)
    : input_(std::move(input)), notes_(notes), wake_(posix::make_event()) {}

Source::~Source() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  buffers_->close();
  input_->stop();
  thread_.join();
}

void Source::start(std::uint32_t chunk_size, std::uint32_t window, std::uint64_t position) {
  if (thread_.joinable()) return;
  chunk_size_ = chunk_size;
  if (!input_->rewindable()) {
    const auto most = std::max<std::uint64_t>(limits::kLargestWindow / chunk_size, 1);
    window_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(window, most));
  }
  buffers_ =
      Buffers::make(buffer_bytes(chunk_size, input_->size()), window_ + limits::kReadAhead, wake_.get());
  next_read_ = position;
  if (const auto known = notes_ != nullptr ? notes_->newest(position) : std::nullopt)
    hash_ = digest::Sha256(*known);
  thread_ = std::thread([this] { run(); });
}

void Source::clear_handle() {
  posix::clear_event(wake_.get());
}

std::optional<SourceProblem> Source::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

// ---- the sender's side ----

std::deque<Source::Read>::const_iterator Source::find(std::uint64_t position) const {
  return std::find_if(queue_.begin(), queue_.end(), [&](const Read& read) {
    if (read.last) return read.seek == position;
    return read.seek <= position && position < read.seek + read.buffer->data().size();
  });
}

// Lets go of what stands before the wanted piece, but for the window of a stream.
void Source::forget(const std::deque<Read>::const_iterator& before) {
  const auto sent = static_cast<std::size_t>(std::distance(queue_.cbegin(), before));
  if (sent > window_)
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(sent - window_));
}

void Source::go_to(std::uint64_t position) {
  if (!input_->rewindable()) {
    problem_ = SourceProblem{"the server asks for standard input from byte " + std::to_string(position) +
                             " again, which is no longer kept"};
    return;
  }
  queue_.clear();
  next_read_ = position;
  ++generation_;
  at_end_ = false;
  changed_.notify_all();
}

std::optional<Piece> Source::fetch(std::uint64_t position, std::uint32_t max_bytes) {
  const std::lock_guard lock(mutex_);
  if (problem_) return std::nullopt;
  const auto found = find(position);
  if (found == queue_.end()) {
    if (position == next_read_ && !at_end_) {
      forget(queue_.end());
    } else {
      go_to(position);
    }
    return std::nullopt;
  }
  Piece piece{.seek = position, .data = {}, .owner = found->buffer, .last = found->last};
  if (!found->last) {
    const auto rest = found->buffer->data().subspan(static_cast<std::size_t>(position - found->seek));
    piece.data = rest.first(std::min<std::size_t>(rest.size(), max_bytes));
  }
  forget(found);
  return piece;
}

// ---- the reader thread ----

void Source::run() {
  try {
    while (step()) {
    }
  } catch (const posix::Error& error) {
    break_with({error.what(), true});
  } catch (const std::exception& error) {
    break_with({error.what()});
  }
}

void Source::break_with(SourceProblem problem) {
  const std::lock_guard lock(mutex_);
  problem_ = std::move(problem);
  posix::raise_event(wake_.get());
}

bool Source::push(Read read, std::uint64_t generation) {
  const std::lock_guard lock(mutex_);
  if (generation != generation_) return false;
  at_end_ = read.last.has_value();
  next_read_ = read.seek + (read.buffer ? read.buffer->data().size() : 0);
  queue_.push_back(std::move(read));
  posix::raise_event(wake_.get());
  return true;
}

// Takes in what was not hashed yet; bytes that were read again are left out.
void Source::hash_on(std::uint64_t offset, std::span<const std::byte> bytes) {
  const std::uint64_t hashed = hash_.length();
  if (offset > hashed || offset + bytes.size() <= hashed) return;
  auto rest = bytes.subspan(static_cast<std::size_t>(hashed - offset));
  while (!rest.empty()) {
    const std::uint64_t to_note =
        notes_ != nullptr ? notes_->step() - hash_.length() % notes_->step() : rest.size();
    const auto part = rest.first(static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), to_note)));
    hash_.update(part);
    rest = rest.subspan(part.size());
    if (notes_ != nullptr && part.size() == to_note) notes_->passed(hash_.midstate().value());
  }
}

std::uint64_t Source::ahead() const {
  const std::lock_guard lock(mutex_);
  return next_read_;
}

// Nothing: stop.
std::optional<Source::Turn> Source::await_turn() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stopping_ || !at_end_; });
  if (stopping_) return std::nullopt;
  return Turn{next_read_, generation_};
}

// The next piece, and what it tells the hash; after the last one comes the end, once all is hashed.
void Source::read_piece(const Turn& turn, const std::shared_ptr<Buffer>& buffer) {
  const auto length = std::min<std::size_t>(chunk_size_ - turn.offset % chunk_size_, buffer->room().size());
  const std::size_t got = input_->read(buffer->room().first(length), turn.offset);
  buffer->resize(got);
  const bool queued = got == 0 || push({turn.offset, buffer, std::nullopt}, turn.generation);
  hash_on(turn.offset, buffer->data());
  const std::uint64_t end = turn.offset + got;
  if (queued && got < length && hash_.length() == end) push({end, nullptr, hash_.value()}, turn.generation);
}

// Hashes on towards `end`, by reading once more what was skipped.
void Source::hash_part(std::uint64_t end) {
  const std::uint64_t from = hash_.length();
  hashed_part_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(end - from, limits::kHashPart)));
  hashed_part_.resize(input_->read(hashed_part_, from));
  hash_on(from, hashed_part_);
}

// A piece, and while the hash is behind some of what it lacks: more than is sent meanwhile, so that it
// catches up and each byte is read once again. At the end of the file only the hash is missing.
bool Source::step() {
  const std::uint64_t position = ahead();
  const bool behind = hash_.length() < position;
  std::shared_ptr<Buffer> buffer;
  if (!behind) buffer = buffers_->take();
  if (behind && position != input_->size()) buffer = buffers_->spare();
  const auto turn = await_turn();
  if (!turn) return false;
  if (buffer) read_piece(*turn, buffer);
  for (int i = 0; i < limits::kHashParts && hash_.length() < position; ++i) hash_part(position);
  return true;
}

}  // namespace dync::client
