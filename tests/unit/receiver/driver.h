#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "receiver/session.h"

namespace dync::receiver {

// Drives one session as the receiver does: carries out what it can and collects what was sent.
class Driver {
 public:
  explicit Driver(bool ours, std::uint64_t budget = 256 * 1024 * 1024)
      : book(budget), session("routing", "lab1", terms(), book, now), ours_(ours) {
    session.heard("lab1");
  }
  static SessionTerms terms() { return {1024 * 1024, 256 * 1024, 64, std::chrono::seconds(3600)}; }

  wire::PostFile post(const std::string& name = "a.txt") const {
    wire::PostFile post{name, "{}", {}};
    if (ours_) post.options = wire::PostFileOptions{key, size, {}, false, {}};
    return post;
  }
  Actions say(const wire::ClientMessage& message) { return did(session.on_message(message, now)); }
  Actions chunk(std::uint64_t seek, std::size_t bytes, bool last = false) {
    wire::PostChunk chunk{last, seek, std::span(data).first(bytes), {}};
    if (last) chunk.checksum = digest::Digest{};
    return say(chunk);
  }
  Actions did(Actions actions) {
    for (const Action& action : actions)
      if (const auto* send = std::get_if<Send>(&action); send && session.owner_listens())
        session.granted(*send);
    return actions;
  }
  // Up to the approval.
  Actions approve(std::uint64_t seek = 0) {
    say(post());
    return did(session.on_opened(ipc::Opened{1, upload, 0, seek, 10}, now));
  }
  void pass(std::chrono::milliseconds time) { now += time; }

  Time now = Time(std::chrono::hours(1));
  CreditBook book;
  Session session;
  std::optional<std::uint64_t> size;
  std::vector<std::byte> data = std::vector<std::byte>(2 * 1024 * 1024);
  wire::Id key = *wire::Id::from_hex("00112233445566778899aabbccddeeff");
  wire::Id upload = *wire::Id::from_hex("ffeeddccbbaa99887766554433221100");

 private:
  bool ours_;
};

inline wire::Receipt receipt_for(const Driver& driver) {
  return {driver.upload, digest::Digest{}, 5, "box/a.txt", "2026-01-01T00:00:00Z"};
}

template <typename Of>
std::vector<Of> sent(const Actions& actions) {
  std::vector<Of> found;
  for (const Action& action : actions)
    if (const auto* send = std::get_if<Send>(&action))
      if (const auto* message = std::get_if<Of>(&send->message)) found.push_back(*message);
  return found;
}

template <typename Of>
std::vector<Of> wanted(const Actions& actions) {
  std::vector<Of> found;
  for (const Action& action : actions)
    if (const auto* one = std::get_if<Of>(&action)) found.push_back(*one);
  return found;
}

inline std::uint32_t code_of(const Actions& actions) {
  const auto errors = sent<wire::ServerError>(actions);
  return errors.size() == 1 ? errors[0].code : 0;
}

}  // namespace dync::receiver
