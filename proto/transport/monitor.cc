#include "proto/transport/monitor.h"

#include <array>
#include <atomic>
#include <cstring>

#include "proto/transport/native.h"

namespace dync::transport {
namespace {

constexpr int kEvents = ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_DISCONNECTED |
                        ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;

std::string fresh_endpoint() {
  static std::atomic<unsigned> counter{0};
  return "inproc://dync-monitor-" + std::to_string(++counter);
}

// zmq_socket_monitor(3): the first frame is a 16-bit event and a 32-bit value, both in host order.
struct Told {
  std::uint16_t event = 0;
  std::uint32_t value = 0;
};

std::optional<Told> read_event(void* reader) {
  std::array<std::byte, 6> frame{};
  const int size = retried([&] { return zmq_recv(reader, frame.data(), frame.size(), ZMQ_DONTWAIT); });
  if (size < 0) return std::nullopt;
  std::array<char, 1> endpoint{};
  retried([&] { return zmq_recv(reader, endpoint.data(), endpoint.size(), ZMQ_DONTWAIT); });
  Told told;
  std::memcpy(&told.event, frame.data(), 2);
  std::memcpy(&told.value, frame.data() + 2, 4);
  return told;
}

std::optional<ConnectionEvent> meaning(const Told& told) {
  using Kind = ConnectionEvent::Kind;
  switch (told.event) {
    case ZMQ_EVENT_CONNECTED:
      return ConnectionEvent{Kind::connected};
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      return ConnectionEvent{Kind::ready};
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      return ConnectionEvent{Kind::refused_key};
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
      return ConnectionEvent{Kind::handshake_failed};
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
      return ConnectionEvent{Kind::handshake_failed, static_cast<int>(told.value)};
    case ZMQ_EVENT_DISCONNECTED:
      return ConnectionEvent{Kind::disconnected};
    case ZMQ_EVENT_CONNECT_RETRIED:
      return ConnectionEvent{Kind::retrying};
    default:
      return std::nullopt;
  }
}

}  // namespace

Monitor::Monitor(void* context, void* watched) : watched_(watched), reader_(zmq_socket(context, ZMQ_PAIR)) {
  const std::string endpoint = fresh_endpoint();
  // libzmq's thread waits when this queue is full, and all connections with it: so it is unbounded.
  const int unbounded = 0;
  if (!reader_) fail("make the monitor's socket");
  if (zmq_setsockopt(reader_, ZMQ_RCVHWM, &unbounded, sizeof(unbounded)) == 0 &&
      zmq_setsockopt(reader_, ZMQ_LINGER, &unbounded, sizeof(unbounded)) == 0 &&
      zmq_socket_monitor(watched_, endpoint.c_str(), kEvents) == 0 &&
      zmq_connect(reader_, endpoint.c_str()) == 0)
    return;
  const int why = zmq_errno();
  zmq_close(reader_);
  throw Error(why, std::string("cannot watch a socket: ") + zmq_strerror(why));
}

Monitor::~Monitor() {
  zmq_socket_monitor(watched_, nullptr, 0);
  zmq_close(reader_);
}

std::optional<ConnectionEvent> Monitor::next() {
  while (const auto told = read_event(reader_))
    if (const auto event = meaning(*told)) return event;
  return std::nullopt;
}

}  // namespace dync::transport
