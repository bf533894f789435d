#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace dync::untar {

// The bytes of a tar, from a plain file or out of one gzip stream. Beside them it keeps what tells whether
// the archive ends as it should.
//
// zlib is used and not libarchive's filter, which checks neither CRC nor length, reads concatenated streams
// as one, and ends without a word at whatever follows.
class Source {
 public:
  // Reads `fd` from its start. `fd` stays the caller's.
  Source(int fd, std::uint32_t max_ratio);
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // The next bytes, valid until the next call; empty at the end. Throws Refused for a gzip stream that is
  // damaged, truncated or followed by anything but zeros, or unpacks to more than max_ratio times its size;
  // posix::Error if the file can't be read.
  std::span<const std::byte> next();

  std::uint64_t bytes() const noexcept { return bytes_; }  // given so far
  // Where the last byte that is not zero ended, of those given so far.
  std::uint64_t end_of_content() const noexcept { return end_of_content_; }

 private:
  struct Inflater;
  std::size_t fill();  // reads the file into input_
  std::span<const std::byte> inflate();
  void step();
  void check_rest();

  int fd_;
  std::uint64_t packed_size_;
  std::uint64_t max_bytes_;  // by the ratio
  std::uint64_t read_ = 0;   // of the file
  std::uint64_t bytes_ = 0;
  std::uint64_t end_of_content_ = 0;
  std::vector<std::byte> input_;
  std::vector<std::byte> output_;
  std::unique_ptr<Inflater> inflater_;  // absent: a plain file
};

inline constexpr std::size_t kTarBlock = 512;

// Whether a tar can begin with this block: its checksum is right (POSIX.1-1988, also summed with signed bytes
// as old programs did), or it is all zeros, the end of an empty archive.
bool begins_a_tar(std::span<const std::byte> block);

// Whether the file at `fd` is a tar, or gzip of one, by its first block. Anything else is no archive of ours.
bool is_tar(int fd);

}  // namespace dync::untar
