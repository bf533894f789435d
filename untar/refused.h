#pragma once

#include <stdexcept>

namespace dync::untar {

// The archive is refused as a whole; what() is the sentence for its sender. Thrown from any depth, caught
// once.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace dync::untar
