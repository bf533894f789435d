// A real CURVE server, once with our authenticator and once with one that admits everybody.
#include "receiver/self_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/keys/authenticator.h"
#include "proto/keys/certificate.h"
#include "proto/posix/process.h"

namespace dync::receiver {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

class SelfTestTest : public testing::Test {
 protected:
  SelfTestTest() : worker_({}, std::move(channel_.second)) {}

  std::string serve() {
    transport::Options options;
    options.curve_server = transport::CurveServer{server_key_.secret_key, "dync"};
    server_.emplace(context_, transport::Type::router, options);
    return server_->bind("tcp://127.0.0.1:*");
  }
  void knock_at(const std::string& endpoint) {
    test_ = std::make_unique<SelfTest>(context_, worker_, endpoint, server_key_.public_key, [this] {
      passed_ = true;
      worker_.loop().stop();
      test_.reset();
    });
    worker_.run();
  }

  std::pair<posix::Fd, posix::Fd> channel_ = posix::packet_pair();
  service::Worker worker_;
  transport::Context context_{1};
  keys::Certificate server_key_ = keys::generate("server");
  std::optional<transport::Socket> server_;
  std::unique_ptr<SelfTest> test_;
  bool passed_ = false;
};

TEST_F(SelfTestTest, PassesWhereAnUnlistedKeyIsRefused) {
  keys::Authenticator authenticator(context_);
  const keys::KeyRing nobody;
  bool asked = false;
  worker_.loop().on_socket(authenticator.handle(), [&] {
    authenticator.serve(nobody, [&](const auto& decision) { asked = !decision.allowed; });
  });
  knock_at(serve());
  EXPECT_TRUE(passed_);
  EXPECT_TRUE(asked) << "it was refused for its key";
}

TEST_F(SelfTestTest, EndsAServerThatLetsEverybodyIn) {
  transport::Socket careless(context_, transport::Type::rep, {});
  careless.bind("inproc://zeromq.zap.01");
  worker_.loop().on_socket(careless.handle(), [&] {
    transport::Message request;
    while (careless.receive(request)) {
      transport::Message reply;
      for (const std::string& part :
           {std::string("1.0"), std::string(request.at(1).text()), std::string("200"), std::string("OK"),
            std::string("stranger"), std::string()})
        reply.emplace_back(std::string_view(part));
      careless.send(reply);
    }
  });
  EXPECT_THAT([&] { knock_at(serve()); },
              ThrowsMessage<std::runtime_error>(HasSubstr("an unlisted key was let in")));
  EXPECT_FALSE(passed_);
}

}  // namespace
}  // namespace dync::receiver
