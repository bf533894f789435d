#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/transport/await.h"

namespace dync::transport {
namespace {

using Kind = ConnectionEvent::Kind;

// The key pairs of ZeroMQ's own CURVE tests.
constexpr char kServerPublic[] = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
constexpr char kServerSecret[] = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";
constexpr char kClientPublic[] = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
constexpr char kClientSecret[] = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

class MonitorTest : public testing::Test {
 protected:
  Context context_;

  Options quick() {
    Options options;
    options.reconnect_interval = std::chrono::milliseconds(20);
    options.linger = std::chrono::milliseconds(0);
    return options;
  }
  // The next event of that kind, with those before it dropped.
  bool await_event(Socket& socket, Kind kind) {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    while (std::chrono::steady_clock::now() < end) {
      while (const auto event = socket.next_event())
        if (event->kind == kind) return true;
      PollItem item{socket.monitor_handle()};
      poll({&item, 1}, std::chrono::milliseconds(100));
    }
    return false;
  }
};

TEST_F(MonitorTest, TellsOfAConnectionAndItsEnd) {
  auto server = std::make_unique<Socket>(context_, Type::router, Options{});
  Socket client(context_, Type::dealer, quick());
  EXPECT_EQ(client.monitor_handle(), nullptr);
  EXPECT_FALSE(client.next_event());
  client.watch();
  client.connect(server->bind("tcp://127.0.0.1:*"));
  EXPECT_TRUE(await_event(client, Kind::connected));
  EXPECT_TRUE(await_event(client, Kind::ready));
  server.reset();
  EXPECT_TRUE(await_event(client, Kind::disconnected));
  EXPECT_TRUE(await_event(client, Kind::retrying));
}

TEST_F(MonitorTest, TellsOfAnUnreachableServer) {
  Socket client(context_, Type::dealer, quick());
  client.watch();
  client.connect("tcp://127.0.0.1:1");
  EXPECT_TRUE(await_event(client, Kind::retrying));
}

TEST_F(MonitorTest, ANewWatcherOfAMovedSocketGoesOn) {
  Socket server(context_, Type::router, {});
  Socket client(context_, Type::dealer, quick());
  client.watch();
  Socket moved = std::move(client);
  moved.watch();
  moved.connect(server.bind("tcp://127.0.0.1:*"));
  EXPECT_TRUE(await_event(moved, Kind::ready));
}

// Nobody answers ZAP here: with both options set, libzmq must let nobody in.
TEST_F(MonitorTest, CurveFailsClosedWithoutAZapHandler) {
  Options server_options;
  server_options.curve_server = CurveServer{kServerSecret, "dync"};
  Socket server(context_, Type::router, server_options);
  auto options = quick();
  options.curve_client = CurveClient{kServerPublic, kClientPublic, kClientSecret};
  Socket client(context_, Type::dealer, options);
  client.watch();
  client.connect(server.bind("tcp://127.0.0.1:*"));
  send(client, {"let me in"});
  // Asked again and again, never let in.
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(await_event(client, Kind::retrying));
    Message message;
    ASSERT_FALSE(server.receive(message));
  }
}

TEST_F(MonitorTest, TellsOfAWrongServerKey) {
  Options server_options;
  server_options.curve_server = CurveServer{kServerSecret, "dync"};
  Socket server(context_, Type::router, server_options);
  auto options = quick();
  options.curve_client = CurveClient{kClientPublic, kClientPublic, kClientSecret};
  Socket client(context_, Type::dealer, options);
  client.watch();
  client.connect(server.bind("tcp://127.0.0.1:*"));
  EXPECT_TRUE(await_event(client, Kind::handshake_failed));
}

}  // namespace
}  // namespace dync::transport
