#include "proto/transport/native.h"

namespace dync::transport {

void fail(const std::string& action) {
  const int code = zmq_errno();
  throw Error(code, "cannot " + action + ": " + zmq_strerror(code));
}

Context::Context(int io_threads, int max_sockets) : impl_(std::make_unique<Impl>()) {
  impl_->context = zmq_ctx_new();
  if (!impl_->context) fail("make a ZeroMQ context");
  zmq_ctx_set(impl_->context, ZMQ_IO_THREADS, io_threads);
  zmq_ctx_set(impl_->context, ZMQ_MAX_SOCKETS, max_sockets);
}

Context::~Context() {
  retried([&] { return zmq_ctx_term(impl_->context); });
}

}  // namespace dync::transport
