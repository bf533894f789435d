#include "client/buffers.h"

#include <utility>

#include "proto/posix/process.h"

namespace dync::client {

Buffers::Buffers(std::size_t capacity, std::uint32_t count, int event)
    : capacity_(capacity), unmade_(count), event_(event) {}

std::shared_ptr<Buffers> Buffers::make(std::size_t capacity, std::uint32_t count, int event) {
  return std::make_shared<Buffers>(capacity, count, event);
}

std::shared_ptr<Buffer> Buffers::take() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [&] { return closed_ || unmade_ > 0 || !free_.empty(); });
  return hand_out();
}

std::shared_ptr<Buffer> Buffers::spare() {
  const std::lock_guard lock(mutex_);
  return unmade_ > 0 || !free_.empty() ? hand_out() : nullptr;
}

// With the lock held, and a buffer there unless it is closed.
std::shared_ptr<Buffer> Buffers::hand_out() {
  if (closed_) return nullptr;
  std::unique_ptr<Buffer> buffer;
  if (!free_.empty()) {
    buffer = std::move(free_.back());
    free_.pop_back();
  } else {
    buffer = std::make_unique<Buffer>(capacity_);
    --unmade_;
  }
  return {buffer.release(),
          [pool = shared_from_this()](Buffer* back) { pool->give_back(std::unique_ptr<Buffer>(back)); }};
}

void Buffers::give_back(std::unique_ptr<Buffer> buffer) {
  const std::lock_guard lock(mutex_);
  released_.fetch_add(1, std::memory_order_relaxed);
  if (closed_) return;
  free_.push_back(std::move(buffer));
  returned_.notify_one();
  posix::raise_event(event_);
}

void Buffers::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  free_.clear();
  returned_.notify_all();
}

}  // namespace dync::client
