#include <array>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/naming.h"
#include "proto/posix/process.h"

namespace dync::posix {
namespace {

constexpr std::size_t kMaxPacket = 65536;
constexpr std::size_t kMaxPassed = 8;

struct alignas(cmsghdr) Control {
  std::array<char, CMSG_SPACE(kMaxPassed * sizeof(int))> bytes{};
};

void put_descriptors(msghdr& header, Control& control, std::span<const int> passed) {
  header.msg_control = control.bytes.data();
  header.msg_controllen = CMSG_SPACE(passed.size_bytes());
  cmsghdr* part = CMSG_FIRSTHDR(&header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(passed.size_bytes());
  std::memcpy(CMSG_DATA(part), passed.data(), passed.size_bytes());
}

void take_descriptors(msghdr& header, std::vector<Fd>& passed) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      passed.emplace_back(fd);
    }
  }
}

ssize_t receive_once(int fd, msghdr& header) {
  return retried([&] { return ::recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC); });
}

}  // namespace

std::pair<Fd, Fd> packet_pair() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()) != 0)
    fail("make", "a socket pair");
  return {Fd(fds[0]), Fd(fds[1])};
}

bool send_packet(int fd, std::span<const std::byte> packet, std::span<const int> passed) {
  if (packet.empty() || packet.size() > kMaxPacket || passed.size() > kMaxPassed)
    throw Error(EMSGSIZE, "send a packet of " + std::to_string(packet.size()) + " bytes to", path_of(fd));
  iovec bytes{const_cast<std::byte*>(packet.data()), packet.size()};
  msghdr header{};
  header.msg_iov = &bytes;
  header.msg_iovlen = 1;
  Control control;
  if (!passed.empty()) put_descriptors(header, control, passed);
  if (retried([&] { return ::sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL); }) >= 0) return true;
  if (errno == EAGAIN || errno == ENOBUFS || errno == EPIPE || errno == ECONNRESET || errno == ECONNREFUSED ||
      errno == ENOTCONN)
    return false;
  fail("send a packet to", path_of(fd));
}

Received receive_packet(int fd, std::string& packet, std::vector<Fd>& passed) {
  packet.resize(kMaxPacket);
  iovec bytes{packet.data(), packet.size()};
  Control control;
  msghdr header{};
  header.msg_iov = &bytes;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();
  ssize_t got = receive_once(fd, header);
  // The peer left with packets unread; what it had sent before is still to be had.
  if (got < 0 && errno == ECONNRESET) got = receive_once(fd, header);
  packet.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (got < 0 && errno == EAGAIN) return Received::nothing;
  if (got == 0 || (got < 0 && errno == ECONNRESET)) return Received::closed;
  if (got < 0) fail("receive a packet from", path_of(fd));
  take_descriptors(header, passed);
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    throw Error(EMSGSIZE, "receive a whole packet from", path_of(fd));
  return Received::packet;
}

std::pair<Fd, Fd> make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) fail("make", "a pipe");
  return {Fd(fds[0]), Fd(fds[1])};
}

}  // namespace dync::posix
