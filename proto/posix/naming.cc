#include "proto/posix/naming.h"

#include <array>
#include <unistd.h>

#include "proto/posix/error.h"

namespace dync::posix {

std::string path_of(int fd) {
  const int before = errno;
  std::array<char, 4096> text{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const auto length = ::readlink(link.c_str(), text.data(), text.size());
  errno = before;
  if (length <= 0) return "descriptor " + std::to_string(fd);
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string path_of(int directory, const std::string& name) {
  return path_of(directory) + "/" + name;
}

void require_plain(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos)
    throw Error(EINVAL, "use as a plain file name", "'" + name + "'");
}

}  // namespace dync::posix
