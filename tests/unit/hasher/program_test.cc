#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "proto/ipc/messages.h"
#include "proto/posix/process.h"
#include "proto/service/worker.h"
#include "proto/transport/socket.h"
#include "tests/unit/hasher/receiver_side.h"

namespace dync::hasher::program_test {
namespace {

using namespace std::chrono_literals;
using transport::Socket;

constexpr auto kDeadline = 10s;
constexpr std::size_t kSlot = 1024 * 1024;

transport::Options committer_options() {
  transport::Options options;
  options.handover = true;
  options.mandatory = true;
  return options;
}

transport::Options receiver_options() {
  transport::Options options;
  options.routing_id = "receiver";
  options.reconnect_interval = 20ms;
  return options;
}

// The real program, with the test as its supervisor, receiver and committer.
class ProgramTest : public testing::Test {
 protected:
  Shared shared_{{16, kSlot, 16}};
  ipc::MarkTable marks_{shared_.memory};
  ipc::SlotPool slots_{shared_.memory};
  tests::TemporaryDirectory runtime_;
  posix::Fd channel_;
  pid_t pid_ = 0;
  transport::Context context_;
  std::optional<Socket> committer_;
  Socket receiver_{context_, transport::Type::dealer, receiver_options()};

  void SetUp() override {
    bind_committer();
    receiver_.connect(names::ipc_endpoint(names::hasher_socket(runtime_.path(), 1)));
    start();
  }
  void TearDown() override { end(SIGKILL); }

  void bind_committer() {
    committer_.emplace(context_, transport::Type::router, committer_options());
    committer_->bind(names::ipc_endpoint(names::committer_socket(runtime_.path())));
  }
  std::string config_text() const {
    const std::string tmp = shared_.tmp_dir.path().native();
    return "address: \"tcp://*:8889\"\nstorage: {tmp_dir: " + tmp + ", path: " + tmp + ", dropboxes: []}\n";
  }
  void start() {
    auto [ours, theirs] = posix::packet_pair();
    const std::string text = config_text();
    const auto config = posix::make_memory_file("config", text.size());
    posix::write_at(config.get(), std::as_bytes(std::span(text)), 0);
    pid_ = posix::spawn(DYNC_HASHER,
                        {"dync-hasher", "--config", "/etc/dyncserver.yaml", "--runtime-dir", runtime_.path(),
                         "--instance", "1"},
                        {{theirs.get(), service::kChannelFd},
                         {config.get(), service::kConfigFd},
                         {shared_.fd.get(), service::kSharedFd}});
    channel_ = std::move(ours);
    await_ready();
  }
  std::string end(int signal) {
    if (pid_ == 0) return {};
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return posix::exit_of(status).text();
  }
  void await_ready() {
    std::string packet;
    std::vector<posix::Fd> passed;
    for (;;) {
      transport::PollItem item{nullptr, channel_.get()};
      transport::poll({&item, 1}, kDeadline);
      ASSERT_EQ(posix::receive_packet(channel_.get(), packet, passed), posix::Received::packet);
      const auto message = ipc::decode(packet);
      if (const auto* line = std::get_if<ipc::LogLine>(&*message)) ADD_FAILURE() << line->text;
      if (std::holds_alternative<ipc::Ready>(*message)) return;
    }
  }
  void say(const ipc::Message& message) {
    transport::Message frames;
    frames.emplace_back(std::string_view(ipc::encode(message)));
    ASSERT_EQ(receiver_.send(frames), transport::Sent::done);
  }
  std::optional<ipc::Verdict> await_verdict() {
    transport::PollItem item{committer_->handle()};
    transport::poll({&item, 1}, kDeadline);
    transport::Message frames;
    if (!committer_->receive(frames)) return std::nullopt;
    EXPECT_EQ(frames.at(0).text(), "hasher-1");
    return std::get<ipc::Verdict>(ipc::decode(frames.at(1).text()).value());
  }
};

TEST_F(ProgramTest, HashesFromSlotsAndTellsTheCommitter) {
  ReceiverSide side(shared_, marks_, slots_, 1);
  const auto data = random_data(20 * kSlot + 77, 1);
  say(side.begin());
  for (std::uint64_t at = 0; at < data.size(); at += kSlot) {
    const auto bytes =
        std::span<const std::byte>(data).subspan(at, std::min<std::size_t>(kSlot, data.size() - at));
    if (const auto hint = side.lend(bytes, at)) say(*hint);
    side.write(bytes, at);
  }
  say(side.end(data));
  const auto verdict = await_verdict();
  ASSERT_TRUE(verdict);
  EXPECT_TRUE(verdict->matches);
  EXPECT_EQ(verdict->upload, side.upload());
  EXPECT_EQ(verdict->sha256, sha256_of(data));
  EXPECT_GT(verdict->from_slots, 0U);
  EXPECT_EQ(end(SIGTERM), "exit 0");
}

TEST_F(ProgramTest, ASmallUploadIsReadFromItsFile) {
  ReceiverSide side(shared_, marks_, slots_, 1);
  const auto data = random_data(4096, 1);
  side.write(data, 0);
  say(side.begin());
  say(side.end(data));
  const auto verdict = await_verdict();
  ASSERT_TRUE(verdict);
  EXPECT_TRUE(verdict->matches);
  EXPECT_EQ(verdict->from_file, 4096U);
}

TEST_F(ProgramTest, WithoutMessagesItFollowsTheWrittenMark) {
  ReceiverSide side(shared_, marks_, slots_, 1);
  const auto data = random_data(100'000, 1);
  say(side.begin());
  side.write(data, 0);
  const auto deadline = Clock::now() + kDeadline;
  while (side.hashed() < data.size() && Clock::now() < deadline) transport::poll({}, 5ms);
  EXPECT_EQ(side.hashed(), data.size());
}

TEST_F(ProgramTest, ANewCommitterHearsTheVerdictAgain) {
  ReceiverSide side(shared_, marks_, slots_, 1);
  const auto data = random_data(1000, 1);
  side.write(data, 0);
  say(side.begin());
  say(side.end(data));
  ASSERT_TRUE(await_verdict());
  committer_.reset();
  shared_.memory.count_incarnation(ipc::Role::committer);
  bind_committer();
  const auto again = await_verdict();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->upload, side.upload());
}

TEST_F(ProgramTest, ANewHasherStartsFromTheFile) {
  ReceiverSide side(shared_, marks_, slots_, 1);
  const auto data = random_data(5 * kSlot, 1);
  say(side.begin());
  side.write(std::span<const std::byte>(data).first(2 * kSlot), 0);
  EXPECT_EQ(end(SIGKILL), "signal 9 (Killed)");
  start();
  say(side.begin());
  side.write(data, 0);
  say(side.end(data));
  const auto verdict = await_verdict();
  ASSERT_TRUE(verdict);
  EXPECT_TRUE(verdict->matches);
  EXPECT_EQ(verdict->from_file, data.size());
}

TEST_F(ProgramTest, GarbageIsLoggedAndSurvived) {
  transport::Message frames;
  frames.emplace_back(std::string_view("\0\1garbage", 9));
  ASSERT_EQ(receiver_.send(frames), transport::Sent::done);
  frames.clear();
  frames.emplace_back();
  ASSERT_EQ(receiver_.send(frames), transport::Sent::done);
  ReceiverSide side(shared_, marks_, slots_, 1);
  say(side.begin());
  say(side.end({}));
  const auto verdict = await_verdict();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->size, 0U);
}

TEST_F(ProgramTest, EndsWithItsSupervisor) {
  channel_.reset();
  int status = 0;
  ASSERT_EQ(::waitpid(std::exchange(pid_, 0), &status, 0) > 0, true);
  EXPECT_EQ(posix::exit_of(status).text(), "exit 0");
}

}  // namespace
}  // namespace dync::hasher::program_test
