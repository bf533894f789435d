#pragma once

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

#include "proto/wire/messages.h"

// Frames written as text: bytes in hex between < and >, everything else as it stands.
// "<00000001>" is a u32 of 1, "a<ff>b" are three bytes.
namespace dync::wire::tests {

inline std::string bytes_of(std::string_view written) {
  std::string bytes;
  bool hex = false;
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (written[i] == '<' || written[i] == '>') {
      hex = written[i] == '<';
    } else if (hex) {
      bytes += static_cast<char>(std::stoi(std::string(written.substr(i++, 2)), nullptr, 16));
    } else {
      bytes += written[i];
    }
  }
  return bytes;
}

class Frames {
 public:
  Frames(std::initializer_list<std::string_view> written) {
    for (const auto frame : written) frames_.push_back(bytes_of(frame));
  }
  explicit Frames(std::vector<std::string> frames) : frames_(std::move(frames)) {}

  std::vector<FrameView> views() const {
    std::vector<FrameView> views;
    for (const auto& frame : frames_) views.push_back(std::as_bytes(std::span(frame)));
    return views;
  }
  const std::vector<std::string>& frames() const { return frames_; }

 private:
  std::vector<std::string> frames_;
};

// What is on the wire: the encoded frames with the data in its place.
inline std::vector<std::string> on_the_wire(const Encoded& encoded) {
  std::vector<std::string> frames = encoded.frames;
  if (encoded.data_at) {
    EXPECT_EQ(frames.at(*encoded.data_at), "");
    frames.at(*encoded.data_at) =
        std::string(reinterpret_cast<const char*>(encoded.data.data()), encoded.data.size());
  }
  return frames;
}

inline Id id(unsigned char first) {
  std::array<std::byte, Id::kBytes> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(first + i);
  return Id(bytes);
}

inline digest::Digest digest_of(unsigned char each) {
  digest::Digest digest{};
  digest.fill(static_cast<std::byte>(each));
  return digest;
}

}  // namespace dync::wire::tests
