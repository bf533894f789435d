#pragma once

#include <string>
#include <zmq.h>

#include "proto/transport/socket.h"

// Inside transport only: libzmq's own types and calls.
namespace dync::transport {

// The zmq_msg_t that a Frame keeps in its storage.
inline zmq_msg_t* native(std::byte* storage) {
  return reinterpret_cast<zmq_msg_t*>(storage);
}
// libzmq's getters take no const message, and change none.
inline zmq_msg_t* native(const std::byte* storage) {
  return native(const_cast<std::byte*>(storage));
}

struct Context::Impl {
  void* context = nullptr;
};

// Throws Error for libzmq's current errno: "cannot bind tcp://*:1: Permission denied".
[[noreturn]] void fail(const std::string& action);

// Tells libzmq what is set in `options`.
void apply(void* socket, const Options& options);

// Calls again while a signal interrupts.
template <typename Call>
int retried(Call call) {
  int result = call();
  while (result == -1 && zmq_errno() == EINTR) result = call();
  return result;
}

}  // namespace dync::transport
