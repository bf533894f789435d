// A real CURVE server asks the Authenticator who may come in.
#include "proto/keys/authenticator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

#include "tests/unit/keys/files.h"
#include "tests/unit/temporary_directory.h"

namespace dync::keys {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::SizeIs;
using transport::Message;
using transport::Socket;
using transport::Type;
using Clock = std::chrono::steady_clock;

constexpr auto kDeadline = 10s;

class AuthenticatorTest : public testing::Test {
 protected:
  void SetUp() override {
    tests::list(clients_.path(), "lab1.key", lab1_);
    keys_.refresh();
    transport::Options options;
    options.curve_server = {server_key_.secret_key, "dync"};
    options.handshake_interval = 1s;
    server_.emplace(context_, Type::router, options);
    endpoint_ = server_->bind("tcp://127.0.0.1:*");
  }

  Socket client(const std::optional<Certificate>& as) {
    transport::Options options;
    if (as) options.curve_client = {server_key_.public_key, as->public_key, as->secret_key};
    options.linger = 0ms;
    Socket socket(context_, Type::dealer, options);
    socket.watch();
    socket.connect(endpoint_);
    return socket;
  }

  static void say(Socket& socket, const std::string& text) {
    Message message;
    message.emplace_back(std::string_view(text));
    ASSERT_EQ(socket.send(message), transport::Sent::done);
  }

  // Serves both until a message comes or `done` says so.
  bool serve(
      Message& into, const std::function<bool()>& done = [] { return false; }) {
    for (const auto end = Clock::now() + kDeadline; Clock::now() < end && !done();) {
      std::array items{transport::PollItem{authenticator_.handle()}, transport::PollItem{server_->handle()}};
      transport::poll(items, 20ms);
      authenticator_.serve(keys_.ring(), [this](const auto& decision) { told_.push_back(decision); });
      if (server_->receive(into)) return true;
    }
    return false;
  }

  // Whether this client was turned away: the server never gives a message of it.
  void expect_refused(Socket& socket) {
    say(socket, "let me in");
    Message message;
    bool refused = false;
    EXPECT_FALSE(serve(message, [&] {
      while (const auto event = socket.next_event()) {
        using Kind = transport::ConnectionEvent::Kind;
        refused = refused || event->kind == Kind::refused_key || event->kind == Kind::handshake_failed ||
                  event->kind == Kind::disconnected;
      }
      return refused;
    }));
    EXPECT_TRUE(refused);
  }

  dync::tests::TemporaryDirectory clients_;
  Certificate server_key_ = generate("");
  Certificate lab1_ = generate("lab1");
  KeyDirectory keys_{clients_.path()};
  transport::Context context_;
  Authenticator authenticator_{context_};
  std::optional<Socket> server_;
  std::string endpoint_;
  std::vector<Authenticator::Decision> told_;
};

TEST_F(AuthenticatorTest, AListedKeyGetsInAndEachMessageCarriesItsUser) {
  Socket socket = client(lab1_);
  for (const std::string text : {"one", "two"}) {
    say(socket, text);
    Message message;
    ASSERT_TRUE(serve(message));
    ASSERT_THAT(message, SizeIs(2));
    EXPECT_EQ(message[1].text(), text);
    EXPECT_EQ(message[1].property(Authenticator::kUserProperty), "lab1");
    EXPECT_EQ(message[1].property(Authenticator::kKeyProperty), lab1_.public_key);
  }
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_TRUE(told_[0].allowed);
  EXPECT_EQ(told_[0].user_id, "lab1");
  EXPECT_EQ(told_[0].public_key, lab1_.public_key);
  EXPECT_EQ(told_[0].address, "127.0.0.1");
}

TEST_F(AuthenticatorTest, AnUnlistedKeyDoesNot) {
  const Certificate stranger = generate("lab1");
  Socket socket = client(stranger);
  expect_refused(socket);
  ASSERT_FALSE(told_.empty());
  EXPECT_FALSE(told_[0].allowed);
  EXPECT_EQ(told_[0].public_key, stranger.public_key);
  EXPECT_EQ(told_[0].user_id, "");
}

TEST_F(AuthenticatorTest, ARemovedKeyDoesNotAndItsMessagesAreKnownAsRevoked) {
  Socket before = client(lab1_);
  say(before, "one");
  Message message;
  ASSERT_TRUE(serve(message));

  std::filesystem::remove(clients_ / "lab1.key");
  ASSERT_TRUE(keys_.refresh());
  Socket after = client(lab1_);
  expect_refused(after);

  say(before, "two");
  ASSERT_TRUE(serve(message));
  const auto key = message[1].property(Authenticator::kKeyProperty);
  ASSERT_TRUE(key);
  EXPECT_EQ(keys_.ring().user_of(*key), std::nullopt);
}

TEST_F(AuthenticatorTest, AClientWithoutCurveDoesNot) {
  Socket socket = client(std::nullopt);
  expect_refused(socket);
}

TEST_F(AuthenticatorTest, ManyStrangersDontKeepAListedOneOut) {
  std::vector<Socket> strangers;
  for (int i = 0; i < 50; ++i) {
    strangers.push_back(client(generate("")));
    say(strangers.back(), "let me in");
  }
  Socket socket = client(lab1_);
  say(socket, "me");
  Message message;
  ASSERT_TRUE(serve(message));
  EXPECT_EQ(message[1].text(), "me");
}

// ---- ZAP itself, as libzmq speaks it to the handler ----

class Zap : public testing::Test {
 protected:
  Zap() : socket_(context_, Type::dealer, transport::Options{}) {
    tests::list(clients_.path(), "lab1.key", lab1_);
    ring_ = KeyRing::load(clients_.path());
    socket_.connect("inproc://zeromq.zap.01");
  }

  static std::string raw(const std::string& z85) {
    std::array<std::byte, 32> key{};
    EXPECT_TRUE(transport::z85_decode(z85, key));
    return {reinterpret_cast<const char*>(key.data()), key.size()};
  }

  std::vector<std::string> ask(const std::vector<std::string>& request) {
    Message message;
    message.emplace_back(std::string_view());
    for (const auto& frame : request) message.emplace_back(std::string_view(frame));
    EXPECT_EQ(socket_.send(message), transport::Sent::done);
    for (const auto end = Clock::now() + kDeadline; Clock::now() < end;) {
      std::array items{transport::PollItem{authenticator_.handle()}, transport::PollItem{socket_.handle()}};
      transport::poll(items, 20ms);
      authenticator_.serve(ring_, [](const auto&) {});
      if (!socket_.receive(message)) continue;
      std::vector<std::string> reply;
      for (std::size_t i = 1; i < message.size(); ++i) reply.emplace_back(message[i].text());
      return reply;
    }
    ADD_FAILURE() << "no answer";
    return {};
  }

  std::vector<std::string> request() const {
    return {"1.0", "7", "dync", "10.0.0.1", "id", "CURVE", raw(lab1_.public_key)};
  }

  dync::tests::TemporaryDirectory clients_;
  Certificate lab1_ = generate("lab1");
  KeyRing ring_;
  transport::Context context_;
  Authenticator authenticator_{context_};
  Socket socket_;
};

TEST_F(Zap, RepliesAsTheRfcSays) {
  const std::string metadata = std::string("\5X-Key\0\0\0\x28", 10) + lab1_.public_key;
  EXPECT_THAT(ask(request()), ElementsAre("1.0", "7", "200", "OK", "lab1", metadata));
  auto stranger = request();
  stranger[6] = raw(generate("").public_key);
  stranger[1] = "another id";
  EXPECT_THAT(ask(stranger), ElementsAre("1.0", "another id", "400", "this key is not listed", "", ""));
}

TEST_F(Zap, WhatIsNoRequestForCurveIsRefused) {
  std::vector<std::vector<std::string>> bad(7, request());
  bad[0][0] = "2.0";
  bad[1][5] = "NULL";
  bad[2][6].pop_back();
  bad[3].pop_back();
  bad[4].emplace_back("more");
  bad[5] = {"1.0"};
  bad[6] = {"1.0", "7", "dync", "10.0.0.1", "id", "PLAIN", "admin", "secret"};
  for (const auto& frames : bad) {
    const auto reply = ask(frames);
    ASSERT_THAT(reply, SizeIs(6));
    EXPECT_EQ(reply[0], "1.0");
    EXPECT_EQ(reply[1], frames.size() > 1 ? "7" : "");
    EXPECT_EQ(reply[2], "500");
    EXPECT_EQ(reply[4], "");
    EXPECT_EQ(reply[5], "");
  }
}

TEST_F(Zap, RandomRequestsAreAnsweredAndNobodyGetsIn) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::string> frames(1 + random() % 12);
    for (auto& frame : frames) {
      frame.resize(random() % 40);
      for (char& c : frame) c = static_cast<char>(random());
    }
    if (random() % 2 == 0) frames[0] = "1.0";
    const auto reply = ask(frames);
    ASSERT_THAT(reply, SizeIs(6));
    ASSERT_NE(reply[2], "200");
  }
  EXPECT_EQ(ask(request()).at(2), "200") << "and the handler still works";
}

}  // namespace
}  // namespace dync::keys
