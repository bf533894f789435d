#include "proto/service/notify.h"

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/posix/fd.h"

namespace dync::service {
namespace {

std::optional<std::uint64_t> number_of(const char* variable) {
  const char* text = std::getenv(variable);
  if (!text) return std::nullopt;
  std::uint64_t number = 0;
  const auto end = std::from_chars(text, text + std::strlen(text), number);
  if (end.ec != std::errc{} || *end.ptr != '\0') return std::nullopt;
  return number;
}

}  // namespace

void notify(std::string_view state) {
  const char* name = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  const std::size_t length = name ? std::strlen(name) : 0;
  if (length == 0 || length >= sizeof(address.sun_path)) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name, length);
  if (name[0] == '@') address.sun_path[0] = '\0';  // an abstract socket
  const posix::Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  // systemd may have gone or not read for long; it watches us by its own means then.
  static_cast<void>(::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                             reinterpret_cast<const sockaddr*>(&address), size));
}

std::optional<std::chrono::milliseconds> watchdog_period() {
  const auto microseconds = number_of("WATCHDOG_USEC");
  const auto process = number_of("WATCHDOG_PID");
  if (!microseconds || *microseconds == 0) return std::nullopt;
  if (process && *process != static_cast<std::uint64_t>(::getpid())) return std::nullopt;
  return std::chrono::milliseconds(*microseconds / 2000);
}

}  // namespace dync::service
