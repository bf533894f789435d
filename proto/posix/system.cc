#include <array>
#include <charconv>
#include <ctime>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "proto/posix/crash_point.h"
#include "proto/posix/error.h"
#include "proto/posix/naming.h"
#include "proto/posix/process.h"

namespace dync::posix {

Path own_program() {
  return std::filesystem::read_symlink("/proc/self/exe");
}

std::string boot_id() {
  std::string text = read_file("/proc/sys/kernel/random/boot_id", 256);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return test_value("DYNC_TEST_BOOT_ID", std::move(text));
}

void set_process_name(const char* name) {
  ::prctl(PR_SET_NAME, name, 0, 0, 0);
}

std::size_t anonymous_memory() {
  constexpr std::string_view kLabel = "RssAnon:";
  const std::string text = read_file("/proc/self/status", 65536);
  const auto at = text.find(kLabel);
  if (at == std::string::npos) return 0;
  const auto digits = text.find_first_not_of(" \t", at + kLabel.size());
  std::size_t kib = 0;
  std::from_chars(text.data() + digits, text.data() + text.size(), kib);
  return kib * 1024;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) fail("read", "the limit of descriptors");
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("raise", "the limit of descriptors");
}

void keep_large_allocations() {
  constexpr int kMapAbove = 16 * 1024 * 1024 + 65536;
  constexpr int kKeepAtTop = 64 * 1024 * 1024;
  ::mallopt(M_MMAP_THRESHOLD, kMapAbove);
  ::mallopt(M_TRIM_THRESHOLD, kKeepAtTop);
}

void random_bytes(std::span<std::byte> into) {
  while (!into.empty()) {
    const auto got = retried([&] { return ::getrandom(into.data(), into.size(), 0); });
    if (got < 0) fail("get", "random bytes");
    into = into.subspan(static_cast<std::size_t>(got));
  }
}

std::string utc_now() {
  return utc_text(std::chrono::system_clock::now());
}

std::string utc_text(std::chrono::system_clock::time_point when) {
  using std::chrono::milliseconds;
  const auto second = std::chrono::floor<std::chrono::seconds>(when);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(second);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &parts);
  const auto thousandths = std::chrono::floor<milliseconds>(when - second).count();
  const std::string digits = std::to_string(1000 + thousandths);
  return std::string(text.data(), length) + digits.substr(1) + "Z";
}

}  // namespace dync::posix
