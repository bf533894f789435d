#include <vector>

#include "proto/transport/native.h"

namespace dync::transport {

void poll(std::span<PollItem> items, std::chrono::milliseconds timeout) {
  std::vector<zmq_pollitem_t> natives;
  natives.reserve(items.size());
  for (const auto& item : items) natives.push_back({item.socket, item.fd, ZMQ_POLLIN, 0});
  const auto wait = timeout.count() < 0 ? -1L : static_cast<long>(timeout.count());
  const int ready = zmq_poll(natives.data(), static_cast<int>(natives.size()), wait);
  if (ready == -1 && zmq_errno() != EINTR) fail("wait for sockets");
  // An error or a hang-up is found by reading, so it counts as readable.
  for (std::size_t i = 0; i < items.size(); ++i) items[i].readable = ready > 0 && natives[i].revents != 0;
}

}  // namespace dync::transport
