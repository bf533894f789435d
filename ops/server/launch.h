#pragma once

#include "proto/posix/fd.h"

namespace dync::server {

// Whether somebody waits for the server to be ready.
class Launch {
 public:
  // The caller goes on as the server.
  static Launch foreground() { return Launch(); }
  // The caller goes on in a new process without terminal. The old one waits until ready() and exits with 0;
  // if the new one ends before that, it exits with the same code. Standard error is still the old one's until
  // then.
  static Launch background();

  bool in_background() const noexcept { return background_; }
  // All serve: in the background 0, 1 and 2 become /dev/null, and the old process may go.
  void ready();

 private:
  Launch() = default;
  bool background_ = false;
  posix::Fd ready_;
};

}  // namespace dync::server
