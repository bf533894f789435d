#pragma once

#include <functional>
#include <string>

#include "proto/service/worker.h"
#include "proto/transport/socket.h"

namespace dync::receiver {

// Knocks at our own door with a key that nobody listed. libzmq's authentication fails open when one of its
// settings is missing, so a receiver that lets this in ends with an exception.
class SelfTest {
 public:
  // `passed` is called once the key was refused, or when nothing was heard for limits::kSelfTest (the address
  // can't be reached from here).
  SelfTest(transport::Context& context, service::Worker& worker, const std::string& endpoint,
           const std::string& server_key, std::function<void()> passed);

 private:
  void look();
  void end();

  service::Worker& worker_;
  transport::Socket socket_;
  std::function<void()> passed_;
  service::Loop::Id watch_ = 0, timer_ = 0;
};

}  // namespace dync::receiver
