#pragma once

#include <cstdint>

// Inside rules only.
namespace dync::rules {

// What a check may still cost. It only falls; at 0 the check is over, without a result.
class Steps {
 public:
  explicit Steps(std::uint64_t most) : left_(most) {}

  // False if they are used up.
  bool take(std::uint64_t count) noexcept {
    left_ -= count < left_ ? count : left_;
    return left_ > 0;
  }
  bool over() const noexcept { return left_ == 0; }

 private:
  std::uint64_t left_;
};

}  // namespace dync::rules
