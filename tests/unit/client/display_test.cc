#include "client/display.h"

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/text_width.h"
#include "proto/posix/file.h"
#include "proto/posix/process.h"

namespace dync::client::display_test {
namespace {

using namespace std::chrono_literals;

ProgressView half() {
  ProgressView view;
  view.name = "run7.raw";
  view.done = 500'000;
  view.total = 1'000'000;
  view.rate = 100'000;
  view.stage = Stage::sending;
  return view;
}

std::string read_all(int fd) {
  std::array<char, 8192> text{};
  const ssize_t got = ::read(fd, text.data(), text.size());
  return got > 0 ? std::string(text.data(), static_cast<std::size_t>(got)) : std::string();
}

class Terminal : public testing::Test {
 protected:
  Terminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK)) {
    ::grantpt(master_.get());
    ::unlockpt(master_.get());
    std::array<char, 128> name{};
    EXPECT_EQ(::ptsname_r(master_.get(), name.data(), name.size()), 0);
    terminal_ = posix::open_file(name.data(), O_RDWR | O_NOCTTY);
    resize(80);
  }
  void resize(std::uint16_t columns) {
    winsize size{};
    size.ws_row = 24;
    size.ws_col = columns;
    ::ioctl(terminal_.get(), TIOCSWINSZ, &size);
  }
  std::string shown() { return read_all(master_.get()); }

  posix::Fd master_, terminal_;
};

TEST_F(Terminal, DrawsOverTheSameLineInOneWriteAndOnlyWhatChanged) {
  Display display(terminal_.get(), ProgressMode::automatic, false, false);
  ProgressView view = half();
  display.progress(view, Time{1h});
  const std::string first = shown();
  EXPECT_EQ(first.front(), '\r');
  EXPECT_NE(first.find("50%"), std::string::npos);
  EXPECT_EQ(first.find('\n'), std::string::npos);
  display.progress(view, Time{1h} + 10s);
  EXPECT_EQ(shown(), "");
  view.done = 600'000;
  display.progress(view, Time{1h} + 11s);
  EXPECT_NE(shown().find("60%"), std::string::npos);
}

TEST_F(Terminal, FollowsTheWidth) {
  Display display(terminal_.get(), ProgressMode::automatic, false, false);
  Time now{1h};
  for (const std::uint16_t columns : std::array<std::uint16_t, 5>{200, 80, 40, 20, 120}) {
    resize(columns);
    display.progress(half(), now += 1s);
    std::string line = shown();
    line = line.substr(1, line.size() - 1 - std::string("\033[K").size());
    EXPECT_LT(columns_of(line), columns) << line;
    EXPECT_GT(columns_of(line), 8u);
  }
}

TEST_F(Terminal, IsClearedBeforeAMessageAndFinishedByALine) {
  Display display(terminal_.get(), ProgressMode::automatic, false, false);
  display.progress(half(), Time{1h});
  shown();
  display.error("something is wrong");
  EXPECT_EQ(shown(), "\r\033[Kdync: something is wrong\r\n");
  display.finished("run7.raw: stored");
  EXPECT_EQ(shown(), "dync: run7.raw: stored\r\n");
}

TEST_F(Terminal, QuietAndNeverShowErrorsOnly) {
  for (const bool quiet : {true, false}) {
    Display display(terminal_.get(), quiet ? ProgressMode::always : ProgressMode::never, quiet, false);
    display.progress(half(), Time{1h});
    display.finished("done");
    display.note("a note");
    EXPECT_EQ(shown(), "");
    display.error("bad");
    EXPECT_EQ(shown(), "dync: bad\r\n");
  }
}

TEST(Pipe, ShowsNothingByItselfAndLinesWhenAskedTo) {
  const auto [out, in] = posix::make_pipe();
  ::fcntl(out.get(), F_SETFL, O_NONBLOCK);
  Display automatic(in.get(), ProgressMode::automatic, false, true);
  automatic.progress(half(), Time{1h});
  EXPECT_EQ(read_all(out.get()), "");
  automatic.note("connected");
  EXPECT_EQ(read_all(out.get()), "dync: connected\n");

  Display always(in.get(), ProgressMode::always, false, false);
  always.progress(half(), Time{1h});
  always.progress(half(), Time{1h} + 5s);
  always.progress(half(), Time{1h} + 10s);
  const std::string line = "dync: " + render_log_line(half()) + "\n";
  EXPECT_EQ(read_all(out.get()), line + line);
}

}  // namespace
}  // namespace dync::client::display_test
