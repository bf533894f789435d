#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "proto/transport/socket.h"

namespace dync::transport {

inline constexpr std::chrono::seconds kDeadline{10};

// Waits for a message and gives its frames as texts; empty if none came in time.
inline std::vector<std::string> await(Socket& socket) {
  PollItem item{socket.handle()};
  poll({&item, 1}, kDeadline);
  Message message;
  std::vector<std::string> texts;
  if (!socket.receive(message)) return texts;
  for (const auto& frame : message) texts.emplace_back(frame.text());
  return texts;
}

inline Message message_of(const std::vector<std::string>& texts) {
  Message message;
  for (const auto& text : texts) message.emplace_back(std::string_view(text));
  return message;
}

inline Sent send(Socket& socket, const std::vector<std::string>& texts) {
  Message message = message_of(texts);
  return socket.send(message);
}

}  // namespace dync::transport
