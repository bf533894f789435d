#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

#include "proto/posix/fd.h"

namespace dync::receiver {

// staging/ID/data of one upload while it is written. Used by one thread at a time. All but the counters throw
// posix::Error. Opened (and made) at first use.
class StagedFile {
 public:
  // `directory` is staging/ID. `size`: bytes of the whole file, if the client told.
  StagedFile(std::filesystem::path directory, std::optional<std::uint64_t> size);

  // Before the first write: blocks may be allocated for the whole file, as there is room for it.
  void allow_ahead() noexcept { ahead_ = Ahead::allowed; }
  bool allocated() const noexcept { return ahead_ == Ahead::done; }  // that happened

  // Writes past the page cache if offset, length and address are multiples of limits::kDirectAlignment and
  // the file system can do it, else through it. Without room (Kind::no_space) the file is as it was and can
  // be written on later.
  void write(std::span<const std::byte> bytes, std::uint64_t offset);

  // What is written so far is synced on each descriptor that wrote; they stay open.
  void sync();
  // All is written: syncs on each descriptor that wrote, checks the size, closes. Final, also if it throws.
  void finish(std::uint64_t size);
  void close();

  // What a process before this one wrote: its length now (0: no file), and cut to `bytes`, at most that.
  std::uint64_t length() const;
  std::uint64_t taken() const;  // bytes of the disk that it has now
  void cut(std::uint64_t bytes) const;

  std::uint64_t direct_bytes() const noexcept { return direct_bytes_; }
  std::uint64_t buffered_bytes() const noexcept { return buffered_bytes_; }

 private:
  void open();
  void open_direct();
  void preallocate();
  void write_somehow(std::span<const std::byte> bytes, std::uint64_t offset);
  void cut_back(std::uint64_t bytes) const noexcept;
  bool write_direct(std::span<const std::byte> bytes, std::uint64_t offset);
  void write_buffered(std::span<const std::byte> bytes, std::uint64_t offset);

  std::filesystem::path directory_;
  std::optional<std::uint64_t> size_;
  posix::Fd buffered_, direct_;
  enum class Ahead { no, allowed, done };
  Ahead ahead_ = Ahead::no;
  bool direct_possible_ = true;
  std::uint64_t direct_bytes_ = 0, buffered_bytes_ = 0;
};

}  // namespace dync::receiver
