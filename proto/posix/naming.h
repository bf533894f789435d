#pragma once

#include <cerrno>
#include <string>

// Inside posix only: how descriptors and names are told to people, and interrupted calls.
namespace dync::posix {

// The path of an open descriptor as the kernel knows it, or "descriptor N".
std::string path_of(int fd);
std::string path_of(int directory, const std::string& name);

// Throws Error (EINVAL) unless `name` is one plain name: not empty, `.` or `..`, and without `/`.
void require_plain(const std::string& name);

// Calls again while a signal interrupts.
template <typename Call>
auto retried(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace dync::posix
