#include "proto/posix/crash_point.h"

#ifdef DYNC_CRASH_POINTS

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <unistd.h>

namespace dync::posix {
namespace {

struct Wanted {
  std::string_view name;
  int count = 1;
};

Wanted wanted() {
  const char* text = std::getenv("DYNC_CRASH_AT");
  Wanted result{text ? std::string_view(text) : std::string_view{}};
  const auto colon = result.name.rfind(':');
  if (colon == std::string_view::npos) return result;
  std::from_chars(result.name.data() + colon + 1, result.name.data() + result.name.size(), result.count);
  result.name = result.name.substr(0, colon);
  return result;
}

}  // namespace

void crash_point(const char* name) {
  static const Wanted point = wanted();
  static std::atomic<int> passes{0};
  if (point.name != name) return;
  if (++passes == point.count) ::kill(::getpid(), SIGKILL);
}

}  // namespace dync::posix

#endif
