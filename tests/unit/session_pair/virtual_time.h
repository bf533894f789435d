#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <utility>

// A clock that runs only when something happens, and the only source of chance. With one seed all is the same
// again.
namespace dync::pair {

using std::chrono::milliseconds;
using Time = std::chrono::steady_clock::time_point;

class Events {
 public:
  Time now() const noexcept { return now_; }
  void at(Time when, std::function<void()> action) {
    const auto key = std::pair(std::max(when, now_), ++last_);
    waiting_.emplace(key, std::move(action));
  }
  void in(milliseconds delay, std::function<void()> action) { at(now_ + delay, std::move(action)); }
  // Lets the next thing happen. False if nothing is left.
  bool step() {
    if (waiting_.empty()) return false;
    auto next = waiting_.extract(waiting_.begin());
    now_ = next.key().first;
    next.mapped()();
    return true;
  }

 private:
  Time now_{std::chrono::hours(1)};
  std::uint64_t last_ = 0;  // what was wanted first happens first
  std::map<std::pair<Time, std::uint64_t>, std::function<void()>> waiting_;
};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint64_t number(std::uint64_t least, std::uint64_t most) {
    return least + random_() % (most - least + 1);
  }
  bool chance(unsigned per_mille) { return number(0, 999) < per_mille; }
  milliseconds between(milliseconds least, milliseconds most) {
    return milliseconds(
        number(static_cast<std::uint64_t>(least.count()), static_cast<std::uint64_t>(most.count())));
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace dync::pair
