#include <algorithm>
#include <array>
#include <fcntl.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "proto/posix/naming.h"

namespace dync::posix {
namespace {

// pread(2), or read(2) where there is no position, such as in a pipe.
ssize_t read_some(int fd, std::span<char> into, std::size_t offset) {
  const auto got = retried([&] { return ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset)); });
  if (got >= 0 || errno != ESPIPE) return got;
  return retried([&] { return ::read(fd, into.data(), into.size()); });
}

}  // namespace

std::size_t read_at(int fd, std::span<std::byte> into, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto rest = into.subspan(done);
    const auto at = static_cast<off_t>(offset + done);
    const auto got = retried([&] { return ::pread(fd, rest.data(), rest.size(), at); });
    if (got < 0) fail("read", path_of(fd));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void write_at(int fd, std::span<const std::byte> from, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < from.size()) {
    const auto rest = from.subspan(done);
    const auto at = static_cast<off_t>(offset + done);
    const auto put = retried([&] { return ::pwrite(fd, rest.data(), rest.size(), at); });
    if (put < 0) fail("write", path_of(fd));
    if (put == 0) throw Error(EIO, "write", path_of(fd));
    done += static_cast<std::size_t>(put);
  }
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto put = retried([&] { return ::write(fd, text.data(), text.size()); });
    if (put < 0) fail("write", path_of(fd));
    if (put == 0) throw Error(EIO, "write", path_of(fd));
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

std::string read_file(const Path& path, std::size_t limit) {
  return read_file(open_file(path, O_RDONLY).get(), path.native(), limit);
}

std::string read_file(int fd, std::string_view name, std::size_t limit) {
  std::string text;
  std::array<char, 16384> piece{};
  for (;;) {
    const std::size_t want = std::min(piece.size(), limit - text.size() + 1);
    const auto got = read_some(fd, std::span(piece).first(want), text.size());
    if (got < 0) fail("read", name);
    if (got == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > limit)
      throw Error(EFBIG, "read more than " + std::to_string(limit) + " bytes of", name);
  }
}

void never_read_ahead(int fd) {
  const int error = ::posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
  if (error != 0) throw Error(error, "turn off reading ahead of", path_of(fd));
}

}  // namespace dync::posix
