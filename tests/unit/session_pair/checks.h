#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <utility>

#include "tests/unit/session_pair/virtual_time.h"

namespace dync::pair {

// The first property that did not hold, and on demand a line for everything that happens.
class Checks {
 public:
  Checks(const Events& events, bool trace) : events_(events), trace_(trace) {}

  void expect(bool holds, const char* what, const std::string& where) {
    if (holds || !problem_.empty()) return;
    problem_ = std::string(what) + " (" + where + ", after " + since_start() + ")";
    note("PROBLEM", problem_);
  }
  // `what` is only made if somebody reads it.
  template <class Text>
  void note(const std::string& who, Text&& what) {
    if (trace_) write(who, std::forward<Text>(what));
  }
  template <class Make>
  requires std::is_invocable_v<Make>
  void note(const std::string& who, Make&& make) {
    if (trace_) write(who, make());
  }
  // For the test to see that its seeds lead everywhere.
  void happened(const std::string& what) { ++happened_[what]; }
  const std::map<std::string, int>& happened() const noexcept { return happened_; }
  bool fine() const noexcept { return problem_.empty(); }
  const std::string& problem() const noexcept { return problem_; }

 private:
  std::string since_start() const {
    const auto passed = std::chrono::duration_cast<milliseconds>(events_.now() - Time(std::chrono::hours(1)));
    return std::to_string(static_cast<double>(passed.count()) / 1000) + " s";
  }
  void write(const std::string& who, const std::string& what) const {
    std::printf("%s  %s: %s\n", since_start().c_str(), who.c_str(), what.c_str());
  }

  const Events& events_;
  bool trace_;
  std::string problem_;
  std::map<std::string, int> happened_;
};

}  // namespace dync::pair
