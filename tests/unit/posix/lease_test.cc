#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "proto/posix/file.h"
#include "proto/posix/process.h"
#include "tests/unit/temporary_directory.h"

namespace dync::posix {
namespace {

// Another process that holds `path` open with `flags` until it is let go.
class Holder {
 public:
  Holder(const Path& path, int flags) {
    auto [told, tell] = make_pipe();
    auto [wait, go] = make_pipe();
    child_ = ::fork();
    if (child_ == 0) {
      go.reset();
      const Fd file = open_file(path, flags);
      write_all(tell.get(), "x");
      char letter = 0;
      ::_exit(::read(wait.get(), &letter, 1) == 0 ? 0 : 1);
    }
    tell.reset();
    char letter = 0;
    if (::read(told.get(), &letter, 1) != 1) ADD_FAILURE() << "the other process did not open " << path;
    go_ = std::move(go);
  }
  void leave() {
    go_.reset();
    ::waitpid(child_, nullptr, 0);
  }

 private:
  pid_t child_ = 0;
  Fd go_;
};

class LeaseTest : public testing::Test {
 protected:
  tests::TemporaryDirectory dir_;
  void SetUp() override { write_file_at(open_directory(dir_.path()).get(), "data", "x", 0640); }
};

TEST_F(LeaseTest, SeesAWriterInAnotherProcess) {
  const Fd file = open_file(dir_ / "data", O_RDONLY);
  EXPECT_TRUE(nobody_writes(file.get()));
  Holder writer(dir_ / "data", O_WRONLY);
  EXPECT_FALSE(nobody_writes(file.get()));
  writer.leave();
  EXPECT_TRUE(nobody_writes(file.get()));
}

TEST_F(LeaseTest, AReaderIsNoWriter) {
  const Fd file = open_file(dir_ / "data", O_RDONLY);
  Holder reader(dir_ / "data", O_RDONLY);
  EXPECT_TRUE(nobody_writes(file.get()));
  reader.leave();
}

TEST_F(LeaseTest, SeesAWriterInThisProcess) {
  const Fd file = open_file(dir_ / "data", O_RDONLY);
  const Fd writer = open_file(dir_ / "data", O_WRONLY);
  EXPECT_FALSE(nobody_writes(file.get()));
}

TEST_F(LeaseTest, GivesTheLeaseBack) {
  const Fd file = open_file(dir_ / "data", O_RDONLY);
  ASSERT_TRUE(nobody_writes(file.get()));
  EXPECT_EQ(::fcntl(file.get(), F_GETLEASE), F_UNLCK);
}

// Whoever opens the file while the lease is held breaks it by a signal.
TEST_F(LeaseTest, SurvivesAWriterWhoComesInTheMiddle) {
  const Fd file = open_file(dir_ / "data", O_RDONLY);
  std::jthread others([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) open_file(dir_ / "data", O_WRONLY);
  });
  for (int i = 0; i < 20'000; ++i) nobody_writes(file.get());
  others.request_stop();
  others.join();
  EXPECT_TRUE(nobody_writes(file.get()));
}

}  // namespace
}  // namespace dync::posix
