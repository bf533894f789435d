#pragma once

#include <optional>

#include "proto/transport/socket.h"

namespace dync::transport {

// Reads what libzmq tells about the connections of one socket. Inside transport only.
class Monitor {
 public:
  Monitor(void* context, void* watched);
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;
  ~Monitor();  // before the watched socket is closed

  std::optional<ConnectionEvent> next();
  void* handle() const noexcept { return reader_; }

 private:
  void* watched_;
  void* reader_;
};

}  // namespace dync::transport
