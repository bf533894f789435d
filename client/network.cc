#include "client/network.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>

#include "proto/posix/fd.h"

namespace dync::client {

namespace {

constexpr int kProbeMs = 2000;

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

AddressList look_up(const ServerAddress& server, int family, int& error) {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  error = ::getaddrinfo(server.host.c_str(), std::to_string(server.port).c_str(), &hints, &found);
  return {error == 0 ? found : nullptr, &::freeaddrinfo};
}

std::string words(int errnum) {
  return std::generic_category().message(errnum);
}

int outcome_of(int fd) {
  pollfd waiting{fd, POLLOUT, 0};
  if (::poll(&waiting, 1, kProbeMs) == 0) return ETIMEDOUT;
  int error = 0;
  socklen_t length = sizeof(error);
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

}  // namespace

std::variant<std::vector<bool>, Unresolved> families_of(const ServerAddress& server) {
  int error = 0;
  const AddressList list = look_up(server, AF_UNSPEC, error);
  std::vector<bool> ipv6;
  for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET || each->ai_family == AF_INET6)
      ipv6.push_back(each->ai_family == AF_INET6);
  }
  if (ipv6.empty()) {
    const std::string reason =
        error == EAI_SYSTEM ? words(errno) : ::gai_strerror(error == 0 ? EAI_NONAME : error);
    return Unresolved{"cannot find the server " + server.host + ": " + reason};
  }
  std::sort(ipv6.begin(), ipv6.end());
  ipv6.erase(std::unique(ipv6.begin(), ipv6.end()), ipv6.end());
  return ipv6;
}

std::string why_unreachable(const ServerAddress& server, bool ipv6) {
  int error = 0;
  const AddressList list = look_up(server, ipv6 ? AF_INET6 : AF_INET, error);
  if (!list) return ::gai_strerror(error);
  const posix::Fd fd(::socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return words(errno);
  int outcome = 0;
  if (::connect(fd.get(), list->ai_addr, list->ai_addrlen) != 0) {
    outcome = errno == EINPROGRESS ? outcome_of(fd.get()) : errno;
  }
  return outcome == 0 ? "no answer" : words(outcome);
}

}  // namespace dync::client
