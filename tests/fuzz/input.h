#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/wire/messages.h"

// What the fuzzers share: how their input becomes frames, and how they tell that a promise is broken.
namespace dync::fuzz {

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Frames as a length of two bytes, big-endian, and so many bytes; the last one may be cut short.
inline std::vector<wire::FrameView> as_frames(const std::uint8_t* data, std::size_t size) {
  auto rest = std::as_bytes(std::span(data, size));
  std::vector<wire::FrameView> frames;
  while (rest.size() >= 2) {
    const std::size_t length =
        std::to_integer<std::size_t>(rest[0]) * 256 + std::to_integer<std::size_t>(rest[1]);
    rest = rest.subspan(2);
    frames.push_back(rest.first(std::min(length, rest.size())));
    rest = rest.subspan(frames.back().size());
  }
  return frames;
}

inline void promise(bool kept, std::string_view what) {
  if (kept) return;
  std::cerr << "broken: " << what << std::endl;
  std::abort();
}

// A message is put on the wire and read again as the same bytes; a refusal is a 400 that a peer can read.
template <class Message, class Decode>
void check_wire(const std::vector<wire::FrameView>& frames, Decode decode) {
  const auto result = decode(std::span(frames));
  if (const auto* refusal = std::get_if<wire::Refusal>(&result)) {
    promise(refusal->code == wire::Code::malformed, "a refusal here is a 400");
    promise(!refusal->sentence.empty() && refusal->sentence.size() < 200, "a refusal is one sentence");
    return;
  }
  const auto whole = [](const wire::Encoded& encoded) {
    std::vector<std::string> all = encoded.frames;
    if (encoded.data_at) {
      all.at(*encoded.data_at)
          .assign(reinterpret_cast<const char*>(encoded.data.data()), encoded.data.size());
    }
    return all;
  };
  const std::vector<std::string> sent = whole(wire::encode(std::get<Message>(result)));
  std::vector<wire::FrameView> views;
  for (const std::string& frame : sent) views.push_back(std::as_bytes(std::span(frame)));
  const auto again = decode(std::span<const wire::FrameView>(views));
  promise(std::holds_alternative<Message>(again), "what is encoded can be decoded");
  promise(whole(wire::encode(std::get<Message>(again))) == sent, "and is the same message");
}

}  // namespace dync::fuzz
