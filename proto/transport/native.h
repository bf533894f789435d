#pragma once

#include <string>
#include <zmq.h>

#include "proto/transport/socket.h"

// Inside transport only: libzmq's own types and calls.
namespace dync::transport {

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
