#pragma once

#include "proto/posix/fd.h"

namespace dync::client {

inline constexpr int kExitInterrupted = 130;

// SIGINT and SIGTERM: the first is read from handle(), so that the upload is ended in order; after
// at_once(true) one ends the process there and then, with kExitInterrupted. Make it before any thread.
class Interrupts {
 public:
  Interrupts();
  int handle() const { return signals_.get(); }
  bool take();  // whether one came
  void at_once(bool enable);

 private:
  posix::Fd signals_;
};

}  // namespace dync::client
