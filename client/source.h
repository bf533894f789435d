#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "client/buffers.h"
#include "proto/digest/sha256.h"
#include "proto/posix/fd.h"
#include "proto/posix/file.h"

// Where the bytes of an upload come from. A thread of the source's own reads ahead and hashes each byte once,
// in order, however often the server asks for it again.
namespace dync::client {

// A part of the source. `owner` keeps `data` alive.
struct Piece {
  std::uint64_t seek = 0;
  std::span<const std::byte> data;  // empty at the end of the source only
  std::shared_ptr<const void> owner;
  std::optional<digest::Digest> last;  // at the end: the SHA-256 of the whole
};

struct SourceProblem {
  std::string sentence;
  bool passing = false;  // the same bytes may be there another time
};

// What the reader thread reads from.
class Input {
 public:
  virtual ~Input() = default;
  // Fills `into` from `offset` as far as the source goes: fewer bytes mean its end. Throws an exception whose
  // text is the sentence. A stream is only ever read on from where it was.
  virtual std::size_t read(std::span<std::byte> into, std::uint64_t offset) = 0;
  virtual bool rewindable() const = 0;
  // The bytes that there will be, if known.
  virtual std::optional<std::uint64_t> size() const = 0;
  // Makes a read() that waits in another thread return.
  virtual void stop() = 0;
};

// Where a hash can be picked up again.
class HashNotes {
 public:
  virtual ~HashNotes() = default;
  // The hash of the longest beginning of the file, at most `position` bytes of it, that is known.
  virtual std::optional<digest::Midstate> newest(std::uint64_t position) const = 0;
  // The hash at a multiple of step(). Called by the reader thread, in ascending order.
  virtual void passed(const digest::Midstate& midstate) = 0;
  virtual std::uint64_t step() const = 0;  // bytes
};

class Source {
 public:
  // `notes`: none, or as long as the source lives.
  explicit Source(std::unique_ptr<Input> input, HashNotes* notes = nullptr);
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source();

  // Begins to read, from `position` on, in pieces that end at multiples of `chunk_size`. Of the bytes before,
  // what the notes don't know is hashed beside it, from the input's beginning if they know nothing: no piece
  // waits for that but the end. `window` is how many pieces of a stream are kept for a rewind. A second call
  // changes nothing: fetch() cuts pieces where a later approval allows less.
  void start(std::uint32_t chunk_size, std::uint32_t window, std::uint64_t position);

  // The piece at `position`, at most `max_bytes` of it. Nothing: not read yet, handle() becomes readable when
  // it is worth to ask again. A position other than the next one rewinds (or skips); what a stream no longer
  // has is a problem. Problems are final.
  std::optional<Piece> fetch(std::uint64_t position, std::uint32_t max_bytes);
  std::optional<SourceProblem> problem() const;

  int handle() const { return wake_.get(); }
  void clear_handle();
  // Counts the buffers that came back from libzmq or were dropped.
  std::uint64_t released() const { return buffers_ ? buffers_->released() : 0; }

 private:
  struct Read {
    std::uint64_t seek;
    std::shared_ptr<const Buffer> buffer;
    std::optional<digest::Digest> last;
  };

  struct Turn {
    std::uint64_t offset;
    std::uint64_t generation;
  };

  void run();
  bool step();
  std::uint64_t ahead() const;
  std::optional<Turn> await_turn();
  void read_piece(const Turn& turn, const std::shared_ptr<Buffer>& buffer);
  void hash_part(std::uint64_t end);
  void hash_on(std::uint64_t offset, std::span<const std::byte> bytes);
  bool push(Read read, std::uint64_t generation);
  void break_with(SourceProblem problem);
  std::deque<Read>::const_iterator find(std::uint64_t position) const;
  void forget(const std::deque<Read>::const_iterator& before);
  void go_to(std::uint64_t position);

  std::unique_ptr<Input> input_;
  HashNotes* notes_;
  std::shared_ptr<Buffers> buffers_;
  posix::Fd wake_;
  std::uint32_t chunk_size_ = 0;
  std::uint32_t window_ = 0;

  // The reader thread's own.
  digest::Sha256 hash_;
  std::vector<std::byte> hashed_part_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::uint64_t next_read_ = 0;   // where the reader goes on
  std::uint64_t generation_ = 0;  // of rewinds: what was being read meanwhile is not queued
  bool at_end_ = false;           // the end's piece is queued
  std::deque<Read> queue_;        // in order, without holes; of a stream with pieces already sent
  std::optional<SourceProblem> problem_;
  std::thread thread_;
};

}  // namespace dync::client
