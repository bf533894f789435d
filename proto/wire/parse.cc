#include "proto/wire/parse.h"

#include <algorithm>

#include "proto/wire/utf8.h"

namespace dync::wire {

namespace {

std::string_view as_text(FrameView frame) {
  return {reinterpret_cast<const char*>(frame.data()), frame.size()};
}

}  // namespace

std::string_view Parse::command() const {
  return as_text(bytes(0));
}

void Parse::fail(std::string sentence) {
  if (!refusal_) refusal_ = Refusal{Code::malformed, std::move(sentence)};
}

void Parse::expect_frames(std::size_t least, std::size_t most) {
  if (frames_.size() >= least && frames_.size() <= most) return;
  std::string wanted = std::to_string(least);
  if (most == kAnyNumber) wanted = "at least " + wanted;
  if (most > least && most != kAnyNumber) wanted += " or " + std::to_string(most);
  fail(std::string(command()) + " has " + std::to_string(frames_.size()) + " frames, it must have " + wanted);
}

FrameView Parse::bytes(std::size_t at) const {
  return has(at) ? frames_[at] : FrameView{};
}

std::uint64_t Parse::integer(std::size_t at, std::size_t width, std::string_view what) {
  const FrameView frame = bytes(at);
  if (frame.size() != width) {
    fail(std::string(command()) + " has " + std::to_string(frame.size()) + " bytes of " + std::string(what) +
         ", it must be an integer of " + std::to_string(width) + " bytes, big-endian");
    return 0;
  }
  std::uint64_t value = 0;
  for (const std::byte byte : frame) value = (value << 8) | std::to_integer<std::uint64_t>(byte);
  return value;
}

std::uint32_t Parse::u32(std::size_t at, std::string_view what) {
  return static_cast<std::uint32_t>(integer(at, 4, what));
}

std::uint64_t Parse::u64(std::size_t at, std::string_view what) {
  return integer(at, 8, what);
}

std::string Parse::text(std::size_t at, std::string_view what) {
  const std::string_view view = as_text(bytes(at));
  if (!valid_utf8(view)) {
    fail("the " + std::string(what) + " of " + std::string(command()) + " is not valid UTF-8");
  }
  return std::string(view);
}

digest::Digest Parse::sha256(std::size_t at) {
  digest::Digest digest{};
  const FrameView frame = bytes(at);
  if (frame.size() != digest.size()) {
    fail("the checksum of the last chunk has " + std::to_string(frame.size()) +
         " bytes, it must be the 32 raw bytes of the file's SHA-256");
    return digest;
  }
  std::copy(frame.begin(), frame.end(), digest.begin());
  return digest;
}

}  // namespace dync::wire
