#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "tests/unit/temporary_directory.h"
#include "tests/unit/transport/await.h"

namespace dync::transport {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

Options named(const std::string& routing_id) {
  Options options;
  options.routing_id = routing_id;
  return options;
}

Options mandatory() {
  Options options;
  options.mandatory = true;
  options.handover = true;
  return options;
}

class SocketTest : public testing::TestWithParam<std::string> {
 protected:
  tests::TemporaryDirectory dir_;
  Context context_;

  std::string endpoint() const {
    return GetParam() == "ipc" ? "ipc://" + (dir_ / "socket").native() : "tcp://127.0.0.1:*";
  }
};

TEST_P(SocketTest, GoesThereAndBack) {
  Socket server(context_, Type::router, mandatory());
  Socket client(context_, Type::dealer, named("me"));
  client.connect(server.bind(endpoint()));
  EXPECT_EQ(send(client, {"", "two", "", std::string(300'000, 'x'), ""}), Sent::done);
  EXPECT_THAT(await(server), ElementsAre("me", "", "two", "", std::string(300'000, 'x'), ""));
  EXPECT_EQ(send(server, {"me", "answer", ""}), Sent::done);
  EXPECT_THAT(await(client), ElementsAre("answer", ""));
  Message none;
  EXPECT_FALSE(client.receive(none));
}

TEST_P(SocketTest, AFrameIsEmptyOnceItIsSent) {
  Socket server(context_, Type::router, {});
  Socket client(context_, Type::dealer, {});
  client.connect(server.bind(endpoint()));
  Message message = message_of({"one", std::string(100'000, 'x')});
  ASSERT_EQ(client.send(message), Sent::done);
  ASSERT_EQ(message.size(), 2U);
  EXPECT_EQ(message[0].bytes().size(), 0U);
  EXPECT_EQ(message[1].bytes().size(), 0U);
}

TEST_P(SocketTest, AnUnknownPeerIsUnreachable) {
  Socket server(context_, Type::router, mandatory());
  server.bind(endpoint());
  Message message = message_of({"stranger", "hello", "again"});
  EXPECT_EQ(server.send(message), Sent::unreachable);
  EXPECT_EQ(message[0].text(), "stranger");
  EXPECT_EQ(message[2].text(), "again");
}

TEST_P(SocketTest, APeerThatNeverReadsIsFullAndOthersAreNot) {
  auto options = mandatory();
  options.send_hwm = 4;
  Socket server(context_, Type::router, options);
  auto slow_options = named("slow");
  slow_options.receive_hwm = 1;
  Socket slow(context_, Type::dealer, slow_options);
  Socket good(context_, Type::dealer, named("good"));
  const auto bound = server.bind(endpoint());
  for (Socket* client : {&slow, &good}) {
    client->connect(bound);
    send(*client, {"hello"});
    await(server);
  }
  const std::string large(1'000'000, 'x');
  Sent last = Sent::done;
  int sent = 0;
  for (; sent < 1000 && last == Sent::done; ++sent)
    last = send(server, {"slow", std::to_string(sent), large});
  ASSERT_EQ(last, Sent::full);
  EXPECT_EQ(send(server, {"good", "still here"}), Sent::done);
  EXPECT_THAT(await(good), ElementsAre("still here"));
  // What was taken arrives whole and in order, what was refused not at all.
  for (int i = 0; i + 1 < sent; ++i) {
    const auto got = await(slow);
    ASSERT_EQ(got.size(), 2U);
    ASSERT_EQ(got[0], std::to_string(i));
  }
  ASSERT_EQ(send(server, {"slow", "after"}), Sent::done);
  EXPECT_THAT(await(slow), ElementsAre("after"));
}

// A connection that ends at any moment leaves no half message in front of the next one.
TEST_P(SocketTest, MessagesStayWholeWhileConnectionsEnd) {
  Socket server(context_, Type::router, mandatory());
  const auto bound = server.bind(endpoint());
  for (int round = 0; round < 60; ++round) {
    const std::string id = "x" + std::to_string(round);
    Socket client(context_, Type::dealer, named(id));
    client.connect(bound);
    ASSERT_EQ(send(client, {"hello", "1", "2", "3"}), Sent::done);
    if (round % 2 == 1) continue;
    for (std::string from; from != id;) {
      const auto got = await(server);
      ASSERT_EQ(got.size(), 5U);
      from = got[0];
      ASSERT_THAT(got, ElementsAre(from, "hello", "1", "2", "3"));
    }
    for (int i = 0; i < 20; ++i) send(server, {id, "answer", "1", "2", "3"});
    ASSERT_THAT(await(client), ElementsAre("answer", "1", "2", "3"));
  }
}

TEST_P(SocketTest, ANewConnectionTakesTheRoutingIdOver) {
  Socket server(context_, Type::router, mandatory());
  const auto bound = server.bind(endpoint());
  Socket first(context_, Type::dealer, named("me"));
  first.connect(bound);
  send(first, {"first"});
  EXPECT_THAT(await(server), ElementsAre("me", "first"));
  Socket second(context_, Type::dealer, named("me"));
  second.connect(bound);
  send(second, {"second"});
  EXPECT_THAT(await(server), ElementsAre("me", "second"));
  EXPECT_EQ(send(server, {"me", "answer"}), Sent::done);
  EXPECT_THAT(await(second), ElementsAre("answer"));
}

TEST_P(SocketTest, ATooLongFrameEndsTheConnection) {
  Options options;
  options.max_message = 1000;
  Socket server(context_, Type::router, options);
  const auto bound = server.bind(endpoint());
  Socket bad(context_, Type::dealer, named("bad"));
  bad.connect(bound);
  send(bad, {std::string(1001, 'x')});
  Socket good(context_, Type::dealer, named("good"));
  good.connect(bound);
  send(good, {std::string(1000, 'x')});
  EXPECT_THAT(await(server), ElementsAre("good", std::string(1000, 'x')));
}

INSTANTIATE_TEST_SUITE_P(Transports, SocketTest, testing::Values("ipc", "tcp"),
                         [](const auto& transport) { return transport.param; });

TEST(Dealer, WithoutAConnectionIsFull) {
  Context context;
  Options options;
  options.immediate = true;
  Socket nobody(context, Type::dealer, options);
  EXPECT_EQ(send(nobody, {"hello"}), Sent::full);
}

TEST(Dealer, AFullQueueTakesNothingOfAMessage) {
  Context context;
  Options options;
  options.send_hwm = 2;
  options.linger = std::chrono::milliseconds(0);
  Socket client(context, Type::dealer, options);
  client.connect("tcp://127.0.0.1:1");
  EXPECT_EQ(send(client, {"1", "a", "b"}), Sent::done);
  EXPECT_EQ(send(client, {"2", "a", "b"}), Sent::done);
  Message third = message_of({"3", "a", "b"});
  EXPECT_EQ(client.send(third), Sent::full);
  EXPECT_EQ(third[0].text(), "3");
}

TEST(Rep, AnswersEachRequest) {
  Context context;
  Socket rep(context, Type::rep, {});
  Socket client(context, Type::dealer, {});
  rep.bind("inproc://rep");
  client.connect("inproc://rep");
  send(client, {"", "ask"});
  EXPECT_THAT(await(rep), ElementsAre("ask"));
  send(rep, {"answer"});
  EXPECT_THAT(await(client), ElementsAre("", "answer"));
}

TEST(Pair, ConnectsTwoThreads) {
  Context context;
  Socket here(context, Type::pair, {});
  here.bind("inproc://pair");
  std::jthread other([&] {
    Socket there(context, Type::pair, {});
    there.connect("inproc://pair");
    send(there, {"from another thread"});
    await(there);
  });
  EXPECT_THAT(await(here), ElementsAre("from another thread"));
  send(here, {"end"});
}

TEST(Bind, TellsThePortThatItGot) {
  Context context;
  Socket server(context, Type::router, {});
  EXPECT_THAT(server.bind("tcp://127.0.0.1:*"), testing::MatchesRegex("tcp://127.0.0.1:[1-9][0-9]*"));
}

TEST(Bind, ATakenAddressIsAnErrorThatNamesIt) {
  Context context;
  Socket one(context, Type::router, {});
  Socket two(context, Type::router, {});
  const auto bound = one.bind("tcp://127.0.0.1:*");
  try {
    two.bind(bound);
    FAIL() << "bound twice";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), StartsWith("cannot bind " + bound + ": "));
    EXPECT_EQ(error.code(), EADDRINUSE);
  }
  EXPECT_THROW(two.connect("nonsense"), Error);
}

TEST(Curve, AServerWithoutAZapDomainIsRefused) {
  Context context;
  Options options;
  options.curve_server = CurveServer{"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6", ""};
  EXPECT_THROW(Socket(context, Type::router, options), Error);
}

TEST(Message, WithoutFramesIsOurOwnMistake) {
  Context context;
  Socket client(context, Type::dealer, {});
  Message none;
  EXPECT_THROW(client.send(none), Error);
}

}  // namespace
}  // namespace dync::transport
