#include "proto/service/notify.h"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/posix/fd.h"
#include "tests/unit/temporary_directory.h"

namespace dync::service {
namespace {

// systemd's side: a datagram socket at `name`, where a first @ stands for NUL.
posix::Fd listen_at(const std::string& name) {
  posix::Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  return fd;
}

std::string read_from(const posix::Fd& fd) {
  std::array<char, 100> text{};
  const auto got = ::recv(fd.get(), text.data(), text.size(), 0);
  return got > 0 ? std::string(text.data(), static_cast<std::size_t>(got)) : std::string{};
}

TEST(Notify, TellsSystemd) {
  const tests::TemporaryDirectory dir;
  const auto systemd = listen_at((dir / "notify").native());
  notify("READY=1");
  EXPECT_EQ(read_from(systemd), "READY=1");
}

TEST(Notify, KnowsAbstractSockets) {
  const auto systemd = listen_at("@dync-notify-test-" + std::to_string(::getpid()));
  notify("STOPPING=1");
  EXPECT_EQ(read_from(systemd), "STOPPING=1");
}

TEST(Notify, IsNothingWithoutSystemd) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_NO_THROW(notify("READY=1"));
  ::setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
  EXPECT_NO_THROW(notify("READY=1"));
  ::setenv("NOTIFY_SOCKET", std::string(200, 'x').c_str(), 1);
  EXPECT_NO_THROW(notify("READY=1"));
}

TEST(Watchdog, IsFedInHalfItsTime) {
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  ::unsetenv("WATCHDOG_PID");
  EXPECT_EQ(watchdog_period(), std::chrono::seconds(15));
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(watchdog_period(), std::chrono::seconds(15));
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_FALSE(watchdog_period()) << "it is for another process";
  ::unsetenv("WATCHDOG_PID");
  ::setenv("WATCHDOG_USEC", "soon", 1);
  EXPECT_FALSE(watchdog_period());
  ::unsetenv("WATCHDOG_USEC");
  EXPECT_FALSE(watchdog_period());
}

}  // namespace
}  // namespace dync::service
