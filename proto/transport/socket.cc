#include "proto/transport/socket.h"

#include <array>
#include <utility>

#include "proto/transport/monitor.h"
#include "proto/transport/native.h"

namespace dync::transport {
namespace {

int native_type(Type type) {
  switch (type) {
    case Type::router:
      return ZMQ_ROUTER;
    case Type::dealer:
      return ZMQ_DEALER;
    case Type::rep:
      return ZMQ_REP;
    case Type::pair:
      return ZMQ_PAIR;
  }
  throw Error(EINVAL, "no such socket type");
}

// One part: a second reference goes out, so that the caller's frame is whole if a later part is refused.
int send_part(void* socket, zmq_msg_t* frame, bool more) {
  zmq_msg_t part;
  zmq_msg_init(&part);
  if (zmq_msg_copy(&part, frame) != 0) return -1;
  const int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);
  const int result = retried([&] { return zmq_msg_send(&part, socket, flags); });
  const int why = zmq_errno();
  if (result == -1) zmq_msg_close(&part);
  errno = why;
  return result;
}

}  // namespace

struct Socket::Impl {
  Impl(void* the_context, Type type) : context(the_context), socket(zmq_socket(context, native_type(type))) {
    if (!socket) fail("make a ZeroMQ socket");
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    monitor.reset();
    zmq_close(socket);
  }

  void* context;
  void* socket;
  std::unique_ptr<Monitor> monitor;
};

Socket::Socket(Context& context, Type type, const Options& options)
    : impl_(std::make_unique<Impl>(context.impl_->context, type)) {
  apply(impl_->socket, options);
}

Socket::Socket(Socket&&) noexcept = default;
Socket& Socket::operator=(Socket&&) noexcept = default;
Socket::~Socket() = default;

std::string Socket::bind(const std::string& endpoint) {
  if (zmq_bind(impl_->socket, endpoint.c_str()) != 0) fail("bind " + endpoint);
  std::array<char, 1024> bound{};
  std::size_t size = bound.size();
  if (zmq_getsockopt(impl_->socket, ZMQ_LAST_ENDPOINT, bound.data(), &size) != 0) fail("ask where is bound");
  return bound.data();
}

void Socket::connect(const std::string& endpoint) {
  if (zmq_connect(impl_->socket, endpoint.c_str()) != 0) fail("connect to " + endpoint);
}

// libzmq 4.3.4: a full queue or an unknown peer is told at the first part. A later part fails only in a
// DEALER whose connection ends between two parts; it takes back the parts before, so nothing was sent then.
Sent Socket::send(Message& message) {
  if (message.empty()) throw Error(EINVAL, "a message needs at least one frame");
  for (std::size_t i = 0; i < message.size(); ++i) {
    if (send_part(impl_->socket, native(message[i].storage_), i + 1 < message.size()) != -1) continue;
    if (zmq_errno() == EAGAIN) return Sent::full;
    if (zmq_errno() == EHOSTUNREACH) return Sent::unreachable;
    fail("send a message");
  }
  for (auto& frame : message) frame = Frame();
  return Sent::done;
}

bool Socket::receive(Message& into) {
  into.clear();
  for (bool more = true; more;) {
    Frame frame;
    const int size =
        retried([&] { return zmq_msg_recv(native(frame.storage_), impl_->socket, ZMQ_DONTWAIT); });
    if (size == -1 && zmq_errno() != EAGAIN) fail("receive a message");
    if (size == -1) {
      into.clear();
      return false;
    }
    more = zmq_msg_more(native(frame.storage_)) != 0;
    into.push_back(std::move(frame));
  }
  return true;
}

void Socket::watch() {
  if (!impl_->monitor) impl_->monitor = std::make_unique<Monitor>(impl_->context, impl_->socket);
}

std::optional<ConnectionEvent> Socket::next_event() {
  if (!impl_->monitor) return std::nullopt;
  return impl_->monitor->next();
}

void* Socket::handle() const {
  return impl_->socket;
}

void* Socket::monitor_handle() const {
  return impl_->monitor ? impl_->monitor->handle() : nullptr;
}

}  // namespace dync::transport
