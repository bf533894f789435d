#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "proto/ipc/shared_memory.h"

// Inside proto/ipc only: where everything lies in the shared memory. All processes of one server come from
// one build, so the layout needs no compatibility, but a stray mix of builds must be noticed at once:
// whoever changes a width, an offset or a meaning here raises kLayout.
//
//   page 0            Header
//   from page 1       Mark × marks, filled up to a page
//   then              SlotHeader × slots, filled up to a page
//   then              the slots' bytes, each slot_bytes long and so page-aligned, as O_DIRECT wants them
namespace dync::ipc {

inline constexpr std::uint64_t kMagic = 0x64796e63'73686d31;  // "dyncshm1"
inline constexpr std::uint32_t kLayout = 1;
inline constexpr std::uint64_t kPage = 4096;
inline constexpr std::uint32_t kRoles = 2 + kMaxHashers;

struct Header {
  std::uint64_t magic;
  std::uint32_t layout;
  std::uint32_t slots;
  std::uint32_t slot_bytes;
  std::uint32_t marks;
  std::atomic<std::uint32_t> incarnations[kRoles];
};

// One cache line each: the receiver counts one generation up while a hasher reads another.
struct alignas(64) SlotHeader {
  std::atomic<std::uint64_t> generation;
};

// Between processes only lock-free atomics work: a lock would be private to each.
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(sizeof(std::atomic<std::uint32_t>) == 4 && sizeof(std::atomic<std::uint64_t>) == 8);
static_assert(std::is_standard_layout_v<Header> && std::is_standard_layout_v<Mark>);
static_assert(offsetof(Header, incarnations) == 24 && sizeof(Header) <= kPage);
static_assert(offsetof(Mark, used) == 0 && offsetof(Mark, epoch) == 4 && offsetof(Mark, upload) == 8);
static_assert(offsetof(Mark, written) == 24 && offsetof(Mark, hashed) == 32 && sizeof(Mark) == 40);
static_assert(sizeof(SlotHeader) == 64);

constexpr std::uint64_t whole_pages(std::uint64_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

constexpr std::uint64_t marks_at() {
  return kPage;
}
constexpr std::uint64_t slot_headers_at(const Sizes& sizes) {
  return marks_at() + whole_pages(std::uint64_t{sizes.marks} * sizeof(Mark));
}
constexpr std::uint64_t slots_at(const Sizes& sizes) {
  return slot_headers_at(sizes) + whole_pages(std::uint64_t{sizes.slots} * sizeof(SlotHeader));
}
constexpr std::uint64_t total_bytes(const Sizes& sizes) {
  return slots_at(sizes) + std::uint64_t{sizes.slots} * sizes.slot_bytes;
}

}  // namespace dync::ipc
