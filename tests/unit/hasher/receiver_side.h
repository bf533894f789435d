#pragma once

#include <cstring>
#include <fcntl.h>
#include <optional>
#include <random>
#include <vector>

#include "hasher/hashing.h"
#include "proto/posix/file.h"
#include "schema/names/names.h"
#include "tests/unit/temporary_directory.h"

namespace dync::hasher {

inline std::vector<std::byte> random_data(std::size_t bytes, unsigned seed) {
  std::mt19937 numbers(seed);
  std::vector<std::byte> data(bytes);
  for (auto& byte : data) byte = static_cast<std::byte>(numbers());
  return data;
}

inline digest::Digest sha256_of(std::span<const std::byte> data) {
  digest::Sha256 hash;
  hash.update(data);
  return hash.value();
}

inline wire::Id id_of(unsigned number) {
  std::array<std::byte, 16> bytes{};
  std::memcpy(bytes.data(), &number, sizeof(number));
  return wire::Id::uuid4(bytes);
}

// What a receiver and its hasher share.
struct Shared {
  posix::Fd fd;
  ipc::SharedMemory memory;
  tests::TemporaryDirectory tmp_dir;

  explicit Shared(const ipc::Sizes& sizes) : fd(ipc::SharedMemory::create(sizes)), memory(fd.get()) {}
  OpenStaged opener() const {
    return [dir = tmp_dir.path()](const wire::Id& upload) {
      return posix::open_file(names::staging_dir(dir, upload) / names::kStagedData, O_RDONLY | O_NOFOLLOW);
    };
  }
};

// One upload at the receiver: its staged file, its mark, its slots.
class ReceiverSide {
 public:
  ReceiverSide(Shared& shared, ipc::MarkTable& marks, ipc::SlotPool& slots, unsigned number)
      : shared_(shared), marks_(marks), slots_(slots), upload_(id_of(number)) {
    std::filesystem::create_directories(path().parent_path());
    file_ = posix::open_file(path(), O_RDWR | O_CREAT);
    begin_epoch(0);
  }

  const wire::Id& upload() const { return upload_; }
  names::Path path() const {
    return names::staging_dir(shared_.tmp_dir.path(), upload_) / names::kStagedData;
  }
  ipc::Mark& mark() const { return shared_.memory.mark(taken_.index); }
  std::uint32_t mark_index() const { return taken_.index; }
  std::uint32_t epoch() const { return taken_.epoch; }
  std::uint64_t hashed() const { return ipc::hashed_bytes(mark(), taken_.epoch); }

  ipc::Begin begin_epoch(std::uint64_t bytes) {
    taken_ = *marks_.take(upload_, 0, bytes);
    return begin();
  }
  ipc::Begin begin() const { return {upload_, taken_.index, taken_.epoch}; }
  ipc::End end(std::span<const std::byte> data) const {
    return {upload_, taken_.epoch, data.size(), sha256_of(data)};
  }

  // A chunk into a slot. Nothing if none is free.
  std::optional<ipc::Chunk> lend(std::span<const std::byte> data, std::uint64_t offset,
                                 ipc::SlotPool::Until until = ipc::SlotPool::Until::hashed) {
    const auto lent = slots_.lend(taken_.index, taken_.epoch, offset + data.size(), until);
    if (!lent) return std::nullopt;
    std::memcpy(lent->bytes.data(), data.data(), data.size());
    return ipc::Chunk{upload_,    taken_.epoch,    offset, static_cast<std::uint32_t>(data.size()),
                      lent->slot, lent->generation};
  }
  void write(std::span<const std::byte> data, std::uint64_t offset) const {
    posix::write_at(file_.get(), data, offset);
    ipc::store_written(mark(), taken_.epoch, offset + data.size());
  }

 private:
  Shared& shared_;
  ipc::MarkTable& marks_;
  ipc::SlotPool& slots_;
  wire::Id upload_;
  posix::Fd file_;
  ipc::MarkTable::Taken taken_{};
};

}  // namespace dync::hasher
