#include "proto/service/worker.h"

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "proto/ipc/messages.h"
#include "proto/posix/process.h"
#include "proto/transport/socket.h"

namespace dync::service {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr seconds kDeadline{10};

posix::Path probe() {
  return posix::own_program().parent_path() / "service_probe";
}

bool await_readable(int fd) {
  transport::PollItem item{nullptr, fd};
  transport::poll({&item, 1}, kDeadline);
  return item.readable;
}

// A probe with all that a supervisor gives a worker.
class Child {
 public:
  explicit Child(const std::string& wanted) {
    auto [ours, theirs] = posix::packet_pair();
    const auto config = posix::make_memory_file("config", wanted.size());
    posix::write_at(config.get(), std::as_bytes(std::span(wanted)), 0);
    const auto shared = posix::make_memory_file("shared", 4096);
    shared_ = posix::Mapping(shared.get(), 4096);
    pid_ = posix::spawn(probe(),
                        {"service-probe", "--config", "/etc/x.yaml", "--runtime-dir", "/run/x", "--instance",
                         "3", "--address", "tcp://*:1"},
                        {{theirs.get(), kChannelFd}, {config.get(), kConfigFd}, {shared.get(), kSharedFd}});
    channel_ = std::move(ours);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  // The next message, or nothing if the channel ended or the deadline passed.
  std::optional<ipc::Message> next() {
    std::string packet;
    std::vector<posix::Fd> passed;
    if (!await_readable(channel_.get())) return std::nullopt;
    if (posix::receive_packet(channel_.get(), packet, passed) != posix::Received::packet) return std::nullopt;
    return ipc::decode(packet);
  }
  template <typename Wanted>
  std::optional<Wanted> await() {
    while (const auto message = next())
      if (const auto* wanted = std::get_if<Wanted>(&*message)) return *wanted;
    return std::nullopt;
  }
  std::optional<std::string> await_line(const std::string& event) {
    while (const auto line = await<ipc::LogLine>())
      if (line->text.starts_with(event)) return line->text;
    return std::nullopt;
  }
  // Until the child says in the shared memory, without its channel, that it is done.
  bool await_done() const {
    const std::atomic_ref<std::byte> done(*shared_.data());
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (done.load() == std::byte{0} && std::chrono::steady_clock::now() < deadline)
      transport::poll({}, milliseconds(5));
    return done.load() != std::byte{0};
  }
  void reload(const std::string& text) const {
    const auto config = posix::make_memory_file("config", text.size());
    posix::write_at(config.get(), std::as_bytes(std::span(text)), 0);
    const int passed = config.get();
    say(ipc::encode(ipc::Reload{}), {&passed, 1});
  }
  void say(const std::string& packet, std::span<const int> passed = {}) const {
    ASSERT_TRUE(posix::send_packet(channel_.get(), std::as_bytes(std::span(packet)), passed));
  }
  void signal(int number) const { ::kill(pid_, number); }
  void leave() { channel_.reset(); }
  std::string end() {
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return posix::exit_of(status).text();
  }

 private:
  pid_t pid_ = 0;
  posix::Fd channel_;
  posix::Mapping shared_;
};

TEST(Worker, TellsThatItServesAndThatItLives) {
  Child child("run");
  const auto line = child.await<ipc::LogLine>();
  ASSERT_TRUE(line);
  EXPECT_EQ(line->text, "probe.started instance=3 runtime_dir=/run/x address=tcp://*:1");
  EXPECT_EQ(line->level, static_cast<std::uint8_t>(Level::info));
  const auto ready = child.await<ipc::Ready>();
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->address, "tcp://127.0.0.1:4711");
  EXPECT_TRUE(child.await<ipc::Alive>());
  EXPECT_TRUE(child.await<ipc::Alive>()) << "must go on telling";
}

TEST(Worker, EndsAtSigterm) {
  Child child("run");
  ASSERT_TRUE(child.await<ipc::Ready>());
  child.signal(SIGTERM);
  EXPECT_TRUE(child.await_line("probe.ended"));
  EXPECT_EQ(child.end(), "exit 0");
}

TEST(Worker, EndsWithItsSupervisor) {
  Child child("run");
  ASSERT_TRUE(child.await<ipc::Ready>());
  child.leave();
  EXPECT_EQ(child.end(), "exit 0");
}

TEST(Worker, MayTakeItsTimeAtSigtermButNotWithoutSupervisor) {
  Child child("linger");
  ASSERT_TRUE(child.await<ipc::Ready>());
  child.signal(SIGTERM);
  ASSERT_TRUE(child.await_line("probe.asked_to_stop"));
  EXPECT_TRUE(child.await<ipc::Alive>()) << "still turns";
  child.leave();
  EXPECT_EQ(child.end(), "exit 0");
}

// Ctrl-C reaches the whole process group; the supervisor stops its workers in order.
TEST(Worker, LeavesTheTerminalsSignalsToTheSupervisor) {
  Child child("run");
  ASSERT_TRUE(child.await<ipc::Ready>());
  child.signal(SIGINT);
  child.signal(SIGHUP);
  ASSERT_TRUE(child.await<ipc::Alive>());
  ASSERT_TRUE(child.await<ipc::Alive>());
  child.signal(SIGTERM);
  EXPECT_EQ(child.end(), "exit 0");
}

TEST(Worker, TakesOverEachNewConfig) {
  Child child("reload");
  ASSERT_TRUE(child.await<ipc::Ready>());
  child.reload("first");
  EXPECT_EQ(child.await_line("probe.reloaded"), "probe.reloaded text=first");
  child.reload("debug");
  EXPECT_EQ(child.await_line("probe.reloaded"), "probe.reloaded text=debug");
  EXPECT_TRUE(child.await_line("probe.detail")) << "the log's level goes with it";
  child.reload("");
  EXPECT_EQ(child.await_line("probe."), "probe.reloaded text=\"\"");
  child.signal(SIGTERM);
  EXPECT_EQ(child.await_line("probe."), "probe.ended");
}

TEST(Worker, WithoutAHandlerANewConfigChangesNothing) {
  Child child("run");
  ASSERT_TRUE(child.await<ipc::Ready>());
  child.reload("text");
  child.signal(SIGTERM);
  EXPECT_EQ(child.end(), "exit 0");
}

TEST(Worker, ASupervisorOfAnotherVersionIsTold) {
  Child child("reload");
  ASSERT_TRUE(child.await<ipc::Ready>());
  child.say("no message of ours");
  const auto line = child.await_line("worker.failed");
  ASSERT_TRUE(line);
  EXPECT_THAT(*line, HasSubstr("are all programs of one version?"));
  EXPECT_EQ(child.end(), "exit 70");
}

TEST(Worker, AnExceptionIsLoggedInOneLineAndEndsIt) {
  Child child("throw");
  const auto line = child.await_line("worker.failed");
  ASSERT_TRUE(line);
  EXPECT_THAT(*line, HasSubstr("error=\"no such disk\\nprobe.forged line=1\""));
  EXPECT_EQ(child.end(), "exit 70");
}

TEST(Worker, ASupervisorThatReadsNothingHoldsUpNobody) {
  Child child("flood");
  ASSERT_TRUE(child.await_done()) << "the worker waits for the log";
  int lines = 0;
  int lost = 0;
  bool stopped = false;
  while (const auto message = child.next()) {
    const auto* line = std::get_if<ipc::LogLine>(&*message);
    if (line && line->text.starts_with("probe.flood")) ++lines;
    if (line && line->text.starts_with("log.lost lines=")) lost += std::stoi(line->text.substr(15));
    if (std::holds_alternative<ipc::Ready>(*message) && !std::exchange(stopped, true)) child.signal(SIGTERM);
  }
  EXPECT_TRUE(stopped) << "Ready comes in spite of the full channel";
  EXPECT_GT(lost, 0);
  EXPECT_EQ(lines + lost, 100'000) << "what is lost is counted";
  EXPECT_EQ(child.end(), "exit 0");
}

// A program run by hand: its exit and what it wrote.
struct Outcome {
  std::string end;
  std::string output;
};
Outcome run_by_hand(std::vector<std::string> arguments) {
  auto [out, in] = posix::make_pipe();
  arguments.insert(arguments.begin(), "service-probe");
  const pid_t pid = posix::spawn(probe(), arguments, {{in.get(), 1}, {in.get(), 2}});
  in.reset();
  Outcome run;
  run.output = posix::read_file(out.get(), "output", 100'000);
  int status = 0;
  ::waitpid(pid, &status, 0);
  run.end = posix::exit_of(status).text();
  return run;
}

TEST(WorkerByHand, SaysInOneSentenceWhatToRunInstead) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{}, {"--runtime-dir", "/tmp"}}) {
    const Outcome run = run_by_hand(arguments);
    EXPECT_EQ(run.end, "exit 2");
    EXPECT_EQ(run.output, "service-probe is started by dync-server: run `dync-server` instead.\n");
  }
}

TEST(WorkerByHand, HelpsAndTellsItsVersion) {
  const Outcome help = run_by_hand({"--help"});
  EXPECT_EQ(help.end, "exit 0");
  EXPECT_THAT(help.output, HasSubstr("A worker of the unit tests."));
  EXPECT_THAT(help.output, HasSubstr("--runtime-dir"));
  const Outcome version = run_by_hand({"--version"});
  EXPECT_EQ(version.end, "exit 0");
  EXPECT_THAT(version.output, testing::MatchesRegex("service-probe [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(WorkerByHand, ABadOptionIsAUsageError) {
  EXPECT_EQ(run_by_hand({"--nonsense"}).end, "exit 2");
  EXPECT_EQ(run_by_hand({"--instance", "many"}).end, "exit 2");
  EXPECT_EQ(run_by_hand({"--instance", "-1"}).end, "exit 2");
  EXPECT_EQ(run_by_hand({"stray"}).end, "exit 2");
}

}  // namespace
}  // namespace dync::service
