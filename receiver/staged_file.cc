#include "receiver/staged_file.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "schema/limits/limits.h"
#include "schema/names/names.h"

namespace dync::receiver {
namespace {

constexpr mode_t kMode = 0666;  // the umask decides: this file becomes the data set's

bool aligned(std::uint64_t number) {
  return number % limits::kDirectAlignment == 0;
}

bool fits_direct(std::span<const std::byte> bytes, std::uint64_t offset) {
  return !bytes.empty() && aligned(offset) && aligned(bytes.size()) &&
         aligned(reinterpret_cast<std::uintptr_t>(bytes.data()));
}

}  // namespace

StagedFile::StagedFile(std::filesystem::path directory, std::optional<std::uint64_t> size)
    : directory_(std::move(directory)), size_(size) {}

void StagedFile::open() {
  if (buffered_) return;
  const posix::Fd directory = posix::open_directory(directory_);
  buffered_ = posix::open_at(directory.get(), names::kStagedData, O_RDWR | O_CREAT | O_NOFOLLOW, kMode);
  preallocate();
}

// Blocks beyond the file's end: they cost no time later and lie together. Where that is not possible the file
// is written as it comes; what a full disk gave of them goes back.
void StagedFile::preallocate() {
  if (!size_ || *size_ < limits::kPreallocate || ahead_ != Ahead::allowed) return;
  if (::fallocate(buffered_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(*size_)) == 0)
    ahead_ = Ahead::done;
  else if (posix::kind_of(errno) == posix::Kind::no_space)
    cut_back(posix::info_of(buffered_.get()).size);
}

// Gives up the blocks beyond, too. A file that can't be cut only holds more room than it needs.
void StagedFile::cut_back(std::uint64_t bytes) const noexcept {
  static_cast<void>(::ftruncate(buffered_.get(), static_cast<off_t>(bytes)));
}

void StagedFile::open_direct() {
  const posix::Fd directory = posix::open_directory(directory_);
  try {
    direct_ = posix::open_at(directory.get(), names::kStagedData, O_RDWR | O_DIRECT | O_NOFOLLOW);
  } catch (const posix::Error& error) {
    if (error.kind() != posix::Kind::unsupported) throw;
    direct_possible_ = false;
  }
}

void StagedFile::write(std::span<const std::byte> bytes, std::uint64_t offset) {
  open();
  try {
    write_somehow(bytes, offset);
  } catch (const posix::Error& error) {
    // A part of it may be there.
    if (error.kind() == posix::Kind::no_space && posix::info_of(buffered_.get()).size > offset)
      cut_back(offset);
    throw;
  }
}

void StagedFile::write_somehow(std::span<const std::byte> bytes, std::uint64_t offset) {
  if (fits_direct(bytes, offset) && write_direct(bytes, offset)) return;
  write_buffered(bytes, offset);
}

// False if the file system can't, at open or for this write.
bool StagedFile::write_direct(std::span<const std::byte> bytes, std::uint64_t offset) {
  if (direct_possible_ && !direct_) open_direct();
  if (!direct_possible_) return false;
  try {
    posix::write_at(direct_.get(), bytes, offset);
  } catch (const posix::Error& error) {
    if (error.code() != EINVAL) throw;
    direct_possible_ = false;
    return false;
  }
  direct_bytes_ += bytes.size();
  return true;
}

void StagedFile::write_buffered(std::span<const std::byte> bytes, std::uint64_t offset) {
  posix::write_at(buffered_.get(), bytes, offset);
  buffered_bytes_ += bytes.size();
  if (direct_possible_) return;
  // Early write-back, so that the last sync is short and the page cache is not flooded. Its errors are
  // reported by that sync.
  static_cast<void>(::sync_file_range(buffered_.get(), static_cast<off_t>(offset),
                                      static_cast<off_t>(bytes.size()), SYNC_FILE_RANGE_WRITE));
}

// The buffered one always, for the file's length; the other reports errors of what was written by it.
void StagedFile::sync() {
  open();
  if (direct_) posix::sync_data(direct_.get());
  posix::sync_data(buffered_.get());
}

void StagedFile::finish(std::uint64_t size) {
  open();
  // A partial that waits for its client holds no more of the disk than it needs.
  if (allocated() && size < *size_) cut_back(posix::info_of(buffered_.get()).size);
  const posix::Fd buffered = std::move(buffered_);
  const posix::Fd direct = std::move(direct_);
  if (direct) posix::sync_data(direct.get());
  posix::sync_data(buffered.get());
  const std::uint64_t found = posix::info_of(buffered.get()).size;
  if (found != size) {
    throw posix::Error(EIO,
                       "finish with " + std::to_string(size) + " bytes, there are " + std::to_string(found),
                       directory_.native());
  }
}

void StagedFile::close() {
  buffered_.reset();
  direct_.reset();
}

std::uint64_t StagedFile::taken() const {
  const posix::Fd directory = posix::open_directory(directory_);
  const auto found = posix::find_at(directory.get(), names::kStagedData);
  return found ? found->taken : 0;
}

std::uint64_t StagedFile::length() const {
  const posix::Fd directory = posix::open_directory(directory_);
  const auto found = posix::find_at(directory.get(), names::kStagedData);
  return found ? found->size : 0;
}

void StagedFile::cut(std::uint64_t bytes) const {
  if (length() == bytes) return;
  const posix::Fd directory = posix::open_directory(directory_);
  const posix::Fd file = posix::open_at(directory.get(), names::kStagedData, O_RDWR | O_NOFOLLOW);
  if (::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) posix::fail("cut", directory_.native());
}

}  // namespace dync::receiver
