#include "proto/ipc/shared_memory.h"

#include <new>
#include <stdexcept>
#include <string>

#include "proto/ipc/layout.h"

namespace dync::ipc {
namespace {

// The memory begins as zeros, which is a free object of each of these types: the types are aggregates of
// integers and lock-free atomics, so looking at the bytes as them needs no construction.
template <class T>
T& object_at(const posix::Mapping& mapping, std::uint64_t offset) {
  return *std::launder(reinterpret_cast<T*>(mapping.data() + offset));
}

void check(const Sizes& sizes) {
  if (sizes.slots == 0 || sizes.marks == 0 || sizes.slot_bytes == 0 || sizes.slot_bytes % kPage != 0) {
    throw std::invalid_argument("shared memory needs slots and marks, and slots of whole pages");
  }
}

void check_index(std::uint32_t index, std::uint32_t count, const char* what) {
  if (index < count) return;
  throw std::out_of_range(std::string(what) + " " + std::to_string(index) + " is beyond the last one, " +
                          std::to_string(count - 1));
}

Sizes read_sizes(const posix::Mapping& first_page, std::uint64_t file_bytes) {
  const auto& header = object_at<Header>(first_page, 0);
  const Sizes sizes{header.slots, header.slot_bytes, header.marks};
  if (header.magic != kMagic || header.layout != kLayout || total_bytes(sizes) != file_bytes) {
    throw std::runtime_error(
        "the shared memory has another layout: all programs of one server must come from one build");
  }
  return sizes;
}

std::uint32_t role_index(Role role, std::uint32_t hasher) {
  const std::uint32_t index = static_cast<std::uint32_t>(role) + hasher;
  check_index(index, kRoles, "role");
  return index;
}

}  // namespace

posix::Fd SharedMemory::create(const Sizes& sizes) {
  check(sizes);
  posix::Fd fd = posix::make_memory_file("dync-slots", total_bytes(sizes));
  const posix::Mapping first_page(fd.get(), kPage);
  auto& header = object_at<Header>(first_page, 0);
  header.magic = kMagic;
  header.layout = kLayout;
  header.slots = sizes.slots;
  header.slot_bytes = sizes.slot_bytes;
  header.marks = sizes.marks;
  return fd;
}

SharedMemory::SharedMemory(int fd) {
  const std::uint64_t bytes = posix::info_of(fd).size;
  if (bytes < kPage) throw std::runtime_error("the shared memory is shorter than its header");
  sizes_ = read_sizes(posix::Mapping(fd, kPage), bytes);
  check(sizes_);
  mapping_ = posix::Mapping(fd, bytes);
}

std::uint32_t SharedMemory::incarnation(Role role, std::uint32_t hasher) const {
  return object_at<Header>(mapping_, 0)
      .incarnations[role_index(role, hasher)]
      .load(std::memory_order_acquire);
}

void SharedMemory::count_incarnation(Role role, std::uint32_t hasher) {
  object_at<Header>(mapping_, 0)
      .incarnations[role_index(role, hasher)]
      .fetch_add(1, std::memory_order_acq_rel);
}

Mark& SharedMemory::mark(std::uint32_t index) const {
  check_index(index, sizes_.marks, "mark");
  return object_at<Mark>(mapping_, marks_at() + std::uint64_t{index} * sizeof(Mark));
}

std::atomic<std::uint64_t>& SharedMemory::slot_generation(std::uint32_t slot) const {
  check_index(slot, sizes_.slots, "slot");
  return object_at<SlotHeader>(mapping_, slot_headers_at(sizes_) + std::uint64_t{slot} * sizeof(SlotHeader))
      .generation;
}

std::span<std::byte> SharedMemory::slot(std::uint32_t slot) const {
  check_index(slot, sizes_.slots, "slot");
  return {mapping_.data() + slots_at(sizes_) + std::uint64_t{slot} * sizes_.slot_bytes, sizes_.slot_bytes};
}

}  // namespace dync::ipc
