#include "receiver/self_test.h"

#include <stdexcept>
#include <utility>

#include "proto/keys/certificate.h"
#include "schema/limits/limits.h"

namespace dync::receiver {
namespace {

using Kind = transport::ConnectionEvent::Kind;

transport::Options stranger(const std::string& server_key) {
  const keys::Certificate random = keys::generate({});
  transport::Options options;
  options.curve_client = transport::CurveClient{server_key, random.public_key, random.secret_key};
  options.linger = std::chrono::milliseconds(0);
  return options;
}

// An address of all interfaces is reached by the loopback.
std::string reachable(std::string endpoint) {
  for (const char* any : {"0.0.0.0", "[::]", "*"}) {
    const auto at = endpoint.find(any);
    if (at != std::string::npos) return endpoint.replace(at, std::string_view(any).size(), "127.0.0.1");
  }
  return endpoint;
}

}  // namespace

SelfTest::SelfTest(transport::Context& context, service::Worker& worker, const std::string& endpoint,
                   const std::string& server_key, std::function<void()> passed)
    : worker_(worker),
      socket_(context, transport::Type::dealer, stranger(server_key)),
      passed_(std::move(passed)) {
  socket_.watch();
  watch_ = worker_.loop().on_socket(socket_.monitor_handle(), [this] { look(); });
  timer_ = worker_.loop().after(limits::kSelfTest, [this] {
    worker_.log().warning("self_test.unanswered");
    end();
  });
  socket_.connect(reachable(endpoint));
}

void SelfTest::look() {
  while (const auto event = socket_.next_event()) {
    if (event->kind == Kind::ready)
      throw std::runtime_error(
          "an unlisted key was let in: the authentication does not work, do not run this");
    if (event->kind != Kind::refused_key) continue;
    worker_.log().debug("self_test.refused");
    return end();
  }
}

// Everything of it goes, also this object: `passed` may destroy it.
void SelfTest::end() {
  worker_.loop().remove(watch_);
  worker_.loop().remove(timer_);
  const auto passed = std::move(passed_);
  passed();
}

}  // namespace dync::receiver
