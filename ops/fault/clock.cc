#include <ctime>
#include <sys/time.h>

#include "ops/fault/control.h"

// The wall clock as a program sees it. Monotonic clocks are never shifted.
namespace {

using dync::fault::next;

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t shift() {
  const dync::fault::Control* control = dync::fault::control();
  return control == nullptr ? 0 : control->clock_shift.load();
}

void add(timespec& time, std::int64_t by) {
  const std::int64_t all = std::int64_t{time.tv_sec} * kSecond + time.tv_nsec + by;
  time.tv_sec = all / kSecond;
  time.tv_nsec = all % kSecond;
}

timespec wall_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  using Function = int (*)(clockid_t, timespec*);
  static const auto real = reinterpret_cast<Function>(next("clock_gettime"));
  const int result = real(clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) add(*time, shift());
  return result;
}

time_t time(time_t* into) noexcept {
  const time_t now = wall_clock().tv_sec;
  if (into != nullptr) *into = now;
  return now;
}

int gettimeofday(timeval* time, void* /*zone*/) noexcept {
  const timespec now = wall_clock();
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

}  // extern "C"
