#pragma once

#include <chrono>

namespace dync::server {

// How long a dead worker waits for its successor: the first one starts at once; as long as they keep dying
// before they have served for `steady`, each waits twice as long as the last, up to `most`.
class BackOff {
 public:
  using Duration = std::chrono::milliseconds;
  BackOff(Duration most, Duration steady) : most_(most), steady_(steady) {}

  // A worker ended that had served for this long (zero: it never got ready).
  Duration after(Duration served);

 private:
  Duration most_;
  Duration steady_;
  Duration next_{0};
};

}  // namespace dync::server
