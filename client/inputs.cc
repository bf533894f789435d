#include "client/inputs.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <unistd.h>
#include <utility>

#include "proto/posix/error.h"
#include "proto/posix/process.h"

namespace dync::client {

namespace {

class FileInput : public Input {
 public:
  FileInput(posix::Fd fd, const posix::FileInfo& info) : fd_(std::move(fd)), info_(info) {}

  std::size_t read(std::span<std::byte> into, std::uint64_t offset) override {
    const std::uint64_t rest = info_.size - std::min(info_.size, offset);
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), rest));
    const std::size_t got = wanted == 0 ? 0 : posix::read_at(fd_.get(), into.first(wanted), offset);
    const posix::FileInfo now = posix::info_of(fd_.get());
    if (got < wanted || now.size != info_.size || now.mtime_ns != info_.mtime_ns) {
      throw std::runtime_error("it changed while it was being sent: send it again when it is complete");
    }
    return got;
  }
  bool rewindable() const override { return true; }
  std::optional<std::uint64_t> size() const override { return info_.size; }
  void stop() override {}

 private:
  posix::Fd fd_;
  posix::FileInfo info_;
};

class StreamInput : public Input {
 public:
  explicit StreamInput(int fd) : fd_(fd), stopped_(posix::make_event()) {}

  std::size_t read(std::span<std::byte> into, std::uint64_t) override {
    std::size_t filled = 0;
    while (filled < into.size() && !ended_ && wait()) filled += read_some(into.subspan(filled));
    return filled;
  }
  bool rewindable() const override { return false; }
  std::optional<std::uint64_t> size() const override { return std::nullopt; }
  void stop() override { posix::raise_event(stopped_.get()); }

 private:
  // Waits for bytes or the end; false once stopped.
  bool wait() {
    std::array<pollfd, 2> both{{{fd_, POLLIN, 0}, {stopped_.get(), POLLIN, 0}}};
    while (::poll(both.data(), both.size(), -1) < 0) {
      if (errno != EINTR) posix::fail("wait for", "standard input");
    }
    return both[1].revents == 0;
  }

  std::size_t read_some(std::span<std::byte> into) {
    const ssize_t got = ::read(fd_, into.data(), into.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return 0;
    if (got < 0) posix::fail("read", "standard input");
    ended_ = got == 0;
    return static_cast<std::size_t>(got);
  }

  int fd_;
  posix::Fd stopped_;
  bool ended_ = false;
};

SourceProblem not_a_file(posix::FileType type) {
  if (type == posix::FileType::directory) {
    return {"it is a directory: pack it with tar, or name the files in it"};
  }
  return {"it is no regular file: to send a stream, give - as FILE and its name by --name"};
}

}  // namespace

std::variant<OpenedFile, SourceProblem> open_input(const std::string& path) {
  try {
    // O_NONBLOCK: opening a FIFO must not wait for its writer.
    posix::Fd fd = posix::open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    const posix::FileInfo info = posix::info_of(fd.get());
    if (info.type != posix::FileType::regular) return not_a_file(info.type);
    ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    return OpenedFile{std::make_unique<FileInput>(std::move(fd), info),
                      {info.size, info.mtime_ns, info.inode}};
  } catch (const posix::Error& error) {
    return SourceProblem{error.what()};
  }
}

std::unique_ptr<Input> stream_input(int fd) {
  return std::make_unique<StreamInput>(fd);
}

}  // namespace dync::client
