#include <cstring>
#include <new>

#include "proto/transport/native.h"

namespace dync::transport {
namespace {

static_assert(sizeof(zmq_msg_t) == 64 && alignof(zmq_msg_t) <= 8);

void check(int result) {
  if (result != 0) throw std::bad_alloc();
}

using Owner = std::shared_ptr<const void>;
void release(void*, void* owner) {
  delete static_cast<Owner*>(owner);
}

}  // namespace

Frame::Frame() {
  zmq_msg_init(native(storage_));
}

Frame::Frame(std::size_t bytes) {
  check(zmq_msg_init_size(native(storage_), bytes));
}

Frame::Frame(std::string_view copied) : Frame(copied.size()) {
  if (!copied.empty()) std::memcpy(zmq_msg_data(native(storage_)), copied.data(), copied.size());
}

Frame::Frame(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  auto kept = std::make_unique<Owner>(std::move(owner));
  void* data = const_cast<std::byte*>(bytes.data());
  check(zmq_msg_init_data(native(storage_), data, bytes.size(), &release, kept.get()));
  static_cast<void>(kept.release());
}

Frame::Frame(Frame&& other) noexcept : Frame() {
  zmq_msg_move(native(storage_), native(other.storage_));
}

Frame& Frame::operator=(Frame&& other) noexcept {
  if (this != &other) zmq_msg_move(native(storage_), native(other.storage_));
  return *this;
}

Frame::~Frame() {
  zmq_msg_close(native(storage_));
}

std::span<const std::byte> Frame::bytes() const {
  return {static_cast<const std::byte*>(zmq_msg_data(native(storage_))), zmq_msg_size(native(storage_))};
}

std::span<std::byte> Frame::bytes() {
  return {static_cast<std::byte*>(zmq_msg_data(native(storage_))), zmq_msg_size(native(storage_))};
}

std::string_view Frame::text() const {
  return {static_cast<const char*>(zmq_msg_data(native(storage_))), zmq_msg_size(native(storage_))};
}

std::optional<std::string_view> Frame::property(const char* name) const {
  const char* value = zmq_msg_gets(native(storage_), name);
  if (!value) return std::nullopt;
  return value;
}

}  // namespace dync::transport
