#pragma once

#include <optional>

#include "proto/posix/error.h"

namespace dync::posix {

// What a call failed by, or nothing if it did not.
template <typename Call>
std::optional<Kind> failure_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind();
  }
  return std::nullopt;
}

}  // namespace dync::posix
