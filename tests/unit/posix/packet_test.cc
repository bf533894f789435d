#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "proto/posix/process.h"
#include "tests/unit/posix/kind_of_failure.h"

namespace dync::posix {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

class PacketTest : public testing::Test {
 protected:
  std::pair<Fd, Fd> pair_ = packet_pair();
  std::string packet_;
  std::vector<Fd> passed_;

  bool send(const std::string& text, std::span<const int> fds = {}) {
    return send_packet(pair_.first.get(), bytes_of(text), fds);
  }
  Received receive() { return receive_packet(pair_.second.get(), packet_, passed_); }
};

TEST_F(PacketTest, ArrivesWhole) {
  const std::string large(65536, 'x');
  EXPECT_EQ(receive(), Received::nothing);
  ASSERT_TRUE(send("one"));
  ASSERT_TRUE(send(large));
  ASSERT_EQ(receive(), Received::packet);
  EXPECT_EQ(packet_, "one");
  ASSERT_EQ(receive(), Received::packet);
  EXPECT_EQ(packet_, large);
  EXPECT_EQ(receive(), Received::nothing);
}

TEST_F(PacketTest, CarriesDescriptors) {
  auto [out, in] = make_pipe();
  const std::vector<int> fds{in.get()};
  ASSERT_TRUE(send("fd", fds));
  in.reset();
  ASSERT_EQ(receive(), Received::packet);
  ASSERT_EQ(passed_.size(), 1U);
  EXPECT_NE(::fcntl(passed_[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  write_all(passed_[0].get(), "through");
  passed_.clear();
  EXPECT_EQ(read_file(out.get(), "pipe", 100), "through");
}

TEST_F(PacketTest, AFullQueueIsNoError) {
  int sent = 0;
  while (sent < 100'000 && send(std::string(1000, 'x'))) ++sent;
  EXPECT_GT(sent, 0);
  EXPECT_LT(sent, 100'000);
  ASSERT_EQ(receive(), Received::packet);
}

TEST_F(PacketTest, TheEndIsSeenOnBothSides) {
  ASSERT_TRUE(send("last words"));
  pair_.first.reset();
  EXPECT_EQ(receive(), Received::packet);
  EXPECT_EQ(receive(), Received::closed);
  EXPECT_FALSE(send_packet(pair_.second.get(), bytes_of("x")));
}

// A process that dies with packets unread: what it said before still counts.
TEST_F(PacketTest, LastWordsOutliveAnUnreadQueue) {
  ASSERT_TRUE(send_packet(pair_.second.get(), bytes_of("never read")));
  ASSERT_TRUE(send("last words"));
  pair_.first.reset();
  ASSERT_EQ(receive(), Received::packet);
  EXPECT_EQ(packet_, "last words");
  EXPECT_EQ(receive(), Received::closed);
}

TEST_F(PacketTest, TooMuchIsRefused) {
  EXPECT_TRUE(failure_of([&] { send(std::string(65537, 'x')); }));
  EXPECT_TRUE(failure_of([&] { send(""); }));
}

TEST(Event, WakesOnceForManyRaises) {
  const Fd event = make_event();
  raise_event(event.get());
  raise_event(event.get());
  std::uint64_t count = 0;
  clear_event(event.get());
  EXPECT_EQ(::read(event.get(), &count, sizeof(count)), -1);
  EXPECT_NO_THROW(clear_event(event.get()));
}

TEST(Signals, AreReadFromTheirDescriptor) {
  const Fd signals = signal_fd({SIGUSR1, SIGUSR2});
  EXPECT_EQ(next_signal(signals.get()), 0);
  ::raise(SIGUSR2);
  EXPECT_EQ(next_signal(signals.get()), SIGUSR2);
  EXPECT_EQ(next_signal(signals.get()), 0);
}

}  // namespace
}  // namespace dync::posix
