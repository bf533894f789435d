#pragma once

#include <chrono>
#include <cstdint>

#include "client/clock.h"

// How large the chunks are, and how much of the upload may be on its way. A heartbeat waits behind everything
// that was handed to libzmq, the kernel and the network, so that is bounded by time: by what the server was
// seen to take in a few seconds. Only the server's word counts, an answer to a question that was sent behind
// the bytes: what the kernel or a box on the way took says nothing. Pure.
namespace dync::client {

class Pacer {
 public:
  // `rate`: bytes a second that this connection carried before, 0 if that is not known.
  explicit Pacer(double rate = 0) : rate_(rate) {}

  // Chunks have at most `most` bytes, and always so many if they are not to `adapt` to the link.
  void allow(std::uint32_t most, bool adapt);
  // The upload goes on at `position`, nothing is on its way; the link is the same.
  void rewind(std::uint64_t position);
  // The same, and the link is another one.
  void restart(std::uint64_t position);
  // Everything up to `position` was handed over.
  void sent(std::uint64_t position, Time now);
  // A question was sent behind everything so far.
  void asked(Time now);
  // The answer to the question that was sent at `asked_at` behind `position`.
  void arrived(std::uint64_t position, Time asked_at, Time now);

  // Bytes of the next chunk, at most: a multiple of 4096 unless the server allows only something else.
  std::uint32_t chunk() const noexcept { return chunk_; }
  // Whether a chunk may be handed over now.
  bool room() const noexcept;
  // When a question should be sent; Time::max() if there is nothing to ask.
  Time ask_at() const noexcept;
  // Bytes a second, 0 if not known.
  double rate() const noexcept { return rate_; }
  // The server has everything up to here.
  std::uint64_t confirmed() const noexcept { return confirmed_; }
  // An answer is awaited.
  bool asking() const noexcept { return asked_ > confirmed_; }

 private:
  void measure(std::uint64_t bytes, std::chrono::duration<double> time);
  void resize();

  double rate_;
  std::uint32_t most_ = 0;
  std::uint32_t chunk_ = 0;
  bool adapt_ = true;
  std::uint64_t confirmed_ = 0, asked_ = 0, sent_ = 0;  // positions, confirmed_ <= asked_ <= sent_
  Time busy_since_, last_asked_, confirmed_asked_, confirmed_at_;
};

}  // namespace dync::client
