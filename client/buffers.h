#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

// A fixed number of equal buffers that go from the reader through libzmq and come back.
namespace dync::client {

class Buffer {
 public:
  explicit Buffer(std::size_t capacity) : bytes_(new std::byte[capacity]), capacity_(capacity) {}
  std::span<std::byte> room() { return {bytes_.get(), capacity_}; }
  std::span<const std::byte> data() const { return {bytes_.get(), size_}; }
  void resize(std::size_t size) { size_ = size; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t capacity_;
  std::size_t size_ = 0;
};

class Buffers : public std::enable_shared_from_this<Buffers> {
 public:
  // `event` is raised whenever a buffer comes back; it must live as long as this object does its work, until
  // close().
  Buffers(std::size_t capacity, std::uint32_t count, int event);
  static std::shared_ptr<Buffers> make(std::size_t capacity, std::uint32_t count, int event);

  // A free buffer, which returns by itself with its last owner, in whichever thread that is. Waits for one;
  // null after close().
  std::shared_ptr<Buffer> take();
  std::shared_ptr<Buffer> spare();  // null at once if there is none
  void close();
  std::uint64_t released() const noexcept { return released_.load(std::memory_order_relaxed); }

 private:
  std::shared_ptr<Buffer> hand_out();
  void give_back(std::unique_ptr<Buffer> buffer);

  std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Buffer>> free_;
  std::uint32_t unmade_;
  bool closed_ = false;
  int event_;
  std::atomic<std::uint64_t> released_{0};
};

}  // namespace dync::client
