#include "untar/source.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <zlib.h>

#include "proto/posix/file.h"
#include "untar/refused.h"

namespace dync::untar {
namespace {

constexpr std::size_t kPiece = 128UL * 1024;
constexpr int kOnlyGzip = 16 + MAX_WBITS;

bool is_zero(std::byte byte) {
  return byte == std::byte{0};
}

bool has_gzip_head(int fd) {
  constexpr std::array<std::byte, 3> kHead = {std::byte{0x1f}, std::byte{0x8b}, std::byte{8}};
  std::array<std::byte, 3> head{};
  return posix::read_at(fd, head, 0) == head.size() && head == kHead;
}

// Octal digits after blanks, up to a blank or NUL.
std::optional<std::int64_t> octal(std::span<const std::byte> field) {
  std::size_t at = 0;
  const auto character = [&] { return at < field.size() ? static_cast<char>(field[at]) : '\0'; };
  while (character() == ' ') ++at;
  if (character() < '0' || character() > '7') return std::nullopt;
  std::int64_t value = 0;
  for (; character() >= '0' && character() <= '7'; ++at) value = value * 8 + (character() - '0');
  return value;
}

std::uint64_t times(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  return a != 0 && b > kMost / a ? kMost : a * b;
}

}  // namespace

struct Source::Inflater {
  Inflater() {
    if (::inflateInit2(&stream, kOnlyGzip) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { ::inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream stream{};
  bool ended = false;
  std::string problem;  // why it goes no further
};

Source::Source(int fd, std::uint32_t max_ratio)
    : fd_(fd),
      packed_size_(posix::info_of(fd).size),
      max_bytes_(times(packed_size_, max_ratio)),
      input_(kPiece) {
  if (!has_gzip_head(fd)) return;
  output_.resize(kPiece);
  inflater_ = std::make_unique<Inflater>();
}

Source::~Source() = default;

std::span<const std::byte> Source::next() {
  const auto piece = inflater_ ? inflate() : std::span<const std::byte>(input_).first(fill());
  const auto last = std::find_if_not(piece.rbegin(), piece.rend(), is_zero);
  if (last != piece.rend()) end_of_content_ = bytes_ + static_cast<std::uint64_t>(piece.rend() - last);
  bytes_ += piece.size();
  if (inflater_ && bytes_ > max_bytes_) {
    throw Refused("the archive unpacks to more than " +
                  std::to_string(max_bytes_ / std::max<std::uint64_t>(packed_size_, 1)) +
                  " times its size; send it without untar");
  }
  return piece;
}

std::size_t Source::fill() {
  const std::size_t got = posix::read_at(fd_, input_, read_);
  read_ += got;
  return got;
}

// What came before a problem is given out first: a tar that breaks later is a broken tar, not something else.
std::span<const std::byte> Source::inflate() {
  z_stream& stream = inflater_->stream;
  stream.next_out = reinterpret_cast<Bytef*>(output_.data());
  stream.avail_out = static_cast<uInt>(output_.size());
  while (stream.avail_out > 0 && !inflater_->ended && inflater_->problem.empty()) step();
  const std::size_t got = output_.size() - stream.avail_out;
  if (got == 0 && !inflater_->problem.empty()) throw Refused(inflater_->problem);
  return std::span<const std::byte>(output_).first(got);
}

void Source::step() {
  z_stream& stream = inflater_->stream;
  if (stream.avail_in == 0) {
    stream.avail_in = static_cast<uInt>(fill());
    stream.next_in = reinterpret_cast<Bytef*>(input_.data());
  }
  if (stream.avail_in == 0) {
    inflater_->problem = "the archive's gzip stream is truncated; send the whole file";
    return;
  }
  const int result = ::inflate(&stream, Z_NO_FLUSH);
  if (result == Z_MEM_ERROR) throw std::bad_alloc();
  if (result == Z_STREAM_END) {
    inflater_->ended = true;
    check_rest();
  } else if (result != Z_OK) {
    inflater_->problem = "the archive's gzip stream is damaged; make the archive again";
  }
}

// Only padding may follow the stream's end.
void Source::check_rest() {
  std::size_t rest = inflater_->stream.avail_in;
  const auto* at = reinterpret_cast<const std::byte*>(inflater_->stream.next_in);
  for (; rest > 0; rest = fill(), at = input_.data()) {
    if (std::all_of(at, at + rest, is_zero)) continue;
    inflater_->problem = "bytes follow the end of the archive's gzip stream; send one archive alone";
    return;
  }
}

bool begins_a_tar(std::span<const std::byte> block) {
  constexpr std::size_t kSumAt = 148;
  constexpr std::size_t kSumBytes = 8;
  if (block.size() < kTarBlock) return false;
  block = block.first(kTarBlock);
  if (std::all_of(block.begin(), block.end(), is_zero)) return true;
  std::int64_t plain = 0;
  std::int64_t with_sign = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool in_sum = i >= kSumAt && i < kSumAt + kSumBytes;
    const auto byte = in_sum ? static_cast<unsigned char>(' ') : std::to_integer<unsigned char>(block[i]);
    plain += byte;
    with_sign += static_cast<signed char>(byte);
  }
  const auto sum = octal(block.subspan(kSumAt, kSumBytes));
  return sum && (*sum == plain || *sum == with_sign);
}

bool is_tar(int fd) {
  constexpr std::uint32_t kAnyRatio = std::numeric_limits<std::uint32_t>::max();
  try {
    Source source(fd, kAnyRatio);
    return begins_a_tar(source.next());
  } catch (const Refused&) {
    return false;  // a gzip stream that breaks before its first byte
  }
}

}  // namespace dync::untar
