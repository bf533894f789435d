#include <chrono>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hasher/uploads.h"
#include "proto/posix/process.h"
#include "tests/unit/hasher/receiver_side.h"

namespace dync::hasher::two_processes_test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kSlot = 64 * 1024;
constexpr std::size_t kBytes = 24 * 1024 * 1024 + 123;
constexpr unsigned kUploads = 3;
constexpr auto kDeadline = 60s;

void say(int fd, const ipc::Message& message) {
  const std::string packet = ipc::encode(message);
  while (!posix::send_packet(fd, std::as_bytes(std::span(packet)))) {
    pollfd writable{fd, POLLOUT, 0};
    ::poll(&writable, 1, 1000);
  }
}

// A receiver that loses hints, writes without hints, and gives slots away while they may still be read.
class ForgetfulReceiver {
 public:
  ForgetfulReceiver(Shared& shared, int channel, unsigned seed)
      : channel_(channel), numbers_(seed), shared_(shared) {
    for (unsigned number = 0; number < kUploads; ++number) {
      sides_.emplace_back(shared_, marks_, slots_, number);
      data_.push_back(random_data(kBytes, number));
      say(channel_, sides_.back().begin());
    }
  }
  void run() {
    for (std::uint64_t at = 0; at < kBytes; at += kSlot)
      for (unsigned number = 0; number < kUploads; ++number) send_chunk(number, at);
    for (unsigned number = 0; number < kUploads; ++number) say(channel_, sides_[number].end(data_[number]));
  }

 private:
  void send_chunk(unsigned number, std::uint64_t at) {
    const auto bytes =
        std::span<const std::byte>(data_[number]).subspan(at, std::min<std::size_t>(kSlot, kBytes - at));
    const auto until = numbers_() % 3 == 0 ? ipc::SlotPool::Until::written : ipc::SlotPool::Until::hashed;
    const auto hint = sides_[number].lend(bytes, at, until);
    const bool lost = numbers_() % 10 == 0;
    if (hint && !lost) say(channel_, *hint);
    sides_[number].write(bytes, at);
  }

  int channel_;
  std::mt19937 numbers_;
  Shared& shared_;
  ipc::MarkTable marks_{shared_.memory};
  ipc::SlotPool slots_{shared_.memory};
  std::vector<ReceiverSide> sides_;
  std::vector<std::vector<std::byte>> data_;
};

TEST(TwoProcesses, EveryDigestIsRightWhateverTheReceiverForgets) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Shared shared{{16, kSlot, 16}};
  auto [ours, theirs] = posix::packet_pair();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ForgetfulReceiver(shared, theirs.get(), seed).run();
    ::_exit(0);
  }
  theirs.reset();
  std::vector<ipc::Verdict> verdicts;
  std::vector<std::string> lines;
  const service::Log log([&](service::Level, const std::string& line) { lines.push_back(line); });
  const auto tell = [&](const ipc::Message& message) {
    verdicts.push_back(std::get<ipc::Verdict>(message));
    return true;
  };
  Uploads uploads(shared.memory, shared.opener(), tell, log);
  std::string packet;
  std::vector<posix::Fd> passed;
  const auto begin = Clock::now();
  while (verdicts.size() < kUploads && Clock::now() - begin < kDeadline) {
    while (posix::receive_packet(ours.get(), packet, passed) == posix::Received::packet)
      uploads.take(ipc::decode(packet).value(), Clock::now());
    uploads.look(Clock::now());
    uploads.work(Clock::now());
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(posix::exit_of(status).text(), "exit 0");
  ASSERT_EQ(verdicts.size(), kUploads);
  for (const auto& verdict : verdicts) {
    EXPECT_TRUE(verdict.matches);
    EXPECT_GT(verdict.from_slots, 0U);
    EXPECT_GT(verdict.from_file, 0U);
    EXPECT_EQ(verdict.from_slots + verdict.from_file, kBytes) << "each byte once";
  }
  EXPECT_TRUE(lines.empty()) << lines.front();
}

}  // namespace
}  // namespace dync::hasher::two_processes_test
