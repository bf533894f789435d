// The parts of the supervisor that need no process.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <sched.h>
#include <set>
#include <sys/mount.h>
#include <unistd.h>

#include "ops/server/backoff.h"
#include "ops/server/log_writer.h"
#include "ops/server/stop_order.h"
#include "schema/run_file/run_file.h"

namespace dync::server {
namespace {

using namespace std::chrono_literals;
using ipc::Role;
using service::Level;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(BackOff, FirstRestartIsAtOnceThenDoublesUpToTheMost) {
  BackOff backoff(10s, 1s);
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 10; ++i) waits.push_back(backoff.after(0ms).count());
  EXPECT_THAT(waits, ElementsAre(0, 100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000));
}

TEST(BackOff, AWorkerThatServedStartsAgainAtOnce) {
  BackOff backoff(10s, 1s);
  for (int i = 0; i < 5; ++i) backoff.after(999ms);
  EXPECT_EQ(backoff.after(1s), 0ms);
  EXPECT_EQ(backoff.after(0ms), 100ms);
}

class Stop : public testing::Test {
 protected:
  std::vector<StopOrder::Action> at(std::chrono::milliseconds time) {
    return order_.next(begun_ + time, [this](Role role) { return alive_.contains(role); });
  }
  StopOrder::Clock::time_point begun_{};
  StopOrder order_{begun_, 10s};
  std::set<Role> alive_ = {Role::receiver, Role::hasher, Role::committer};
};

TEST_F(Stop, EachRoleIsToldWhenTheOneBeforeIsGone) {
  EXPECT_THAT(at(0ms), ElementsAre(StopOrder::Action{Role::receiver, SIGTERM}));
  EXPECT_THAT(at(100ms), IsEmpty());
  alive_.erase(Role::receiver);
  EXPECT_THAT(at(200ms), ElementsAre(StopOrder::Action{Role::hasher, SIGTERM}));
  alive_.erase(Role::hasher);
  EXPECT_THAT(at(300ms), ElementsAre(StopOrder::Action{Role::committer, SIGTERM}));
  EXPECT_FALSE(order_.done());
  alive_.erase(Role::committer);
  EXPECT_THAT(at(400ms), IsEmpty());
  EXPECT_TRUE(order_.done());
}

TEST_F(Stop, OneThatStaysIsKilledOnceAndAllAreKilledBeforeTheLimit) {
  at(0ms);
  EXPECT_THAT(at(5999ms), IsEmpty());
  EXPECT_THAT(at(6000ms), ElementsAre(StopOrder::Action{Role::receiver, SIGKILL}));
  EXPECT_THAT(at(6100ms), IsEmpty());
  alive_.erase(Role::receiver);
  EXPECT_THAT(at(6200ms), ElementsAre(StopOrder::Action{Role::hasher, SIGTERM}));
  EXPECT_THAT(at(7000ms), ElementsAre(StopOrder::Action{Role::hasher, SIGKILL}));
  alive_.erase(Role::hasher);
  EXPECT_THAT(at(7100ms), ElementsAre(StopOrder::Action{Role::committer, SIGTERM}));
  EXPECT_THAT(at(9000ms), ElementsAre(StopOrder::Action{Role::committer, SIGKILL}));
}

TEST_F(Stop, RolesWithoutAProcessArePassedOver) {
  alive_ = {Role::committer};
  EXPECT_THAT(at(0ms), ElementsAre(StopOrder::Action{Role::committer, SIGTERM}));
  alive_.clear();
  at(1ms);
  EXPECT_TRUE(order_.done());
}

TEST(LogLine, TimeLevelProcessAndEvent) {
  EXPECT_EQ(
      log_line("2026-01-31T09:15:02.123Z", Level::info, "receiver", "upload.opened upload=3f user=lab1"),
      "2026-01-31T09:15:02.123Z INFO  receiver upload.opened upload=3f user=lab1");
  EXPECT_EQ(log_line("T", Level::warning, "server", "x"), "T WARN  server x");
  EXPECT_EQ(log_line("T", Level::error, "server", "x"), "T ERROR server x");
  EXPECT_EQ(log_line("T", Level::debug, "server", "x"), "T DEBUG server x");
}

TEST(LogLine, AWorkerCannotForgeASecondLineOrAnEscapeSequence) {
  EXPECT_EQ(log_line("T", Level::info, "receiver", "a\nT ERROR server b\x1b[2J\x7f"),
            "T INFO  receiver a\\x0aT ERROR server b\\x1b[2J\\x7f");
}

TEST(LogLine, TheJournalGetsAPriorityInsteadOfATime) {
  EXPECT_EQ(journal_line(Level::error, "server", "worker.died worker=receiver"),
            "<3>server worker.died worker=receiver");
}

// A file system of 64 KiB; lines beside it are what fills it.
TEST(LogFile, LinesThatAFullDiskDidNotTakeAreCountedAndTold) {
  std::string directory = (std::filesystem::temp_directory_path() / "dync-log-XXXXXX").string();
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  if (::geteuid() != 0) {
    ASSERT_EQ(::unshare(CLONE_NEWUSER | CLONE_NEWNS), 0) << "no namespaces here: run the tests as root";
  }
  ASSERT_EQ(::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=64k"), 0);
  const std::filesystem::path file = directory + "/log", filler = directory + "/filler";
  config::Logging logging;
  logging.file = file;
  {
    LogWriter writer(logging, LogWriter::Console::errors);
    writer.write(Level::info, "receiver", "first " + std::string(3000, 'x'));
    std::ofstream(filler) << std::string(128 * 1024, 'x');
    for (int i = 0; i < 5; ++i) writer.write(Level::info, "receiver", "lost " + std::string(3000, 'x'));
    std::filesystem::remove(filler);
    writer.write(Level::info, "receiver", "after");
  }
  std::ifstream written(file);
  const std::string text{std::istreambuf_iterator<char>(written), {}};
  written.close();
  ::umount2(directory.c_str(), MNT_DETACH);
  std::filesystem::remove(directory);
  EXPECT_THAT(text,
              testing::ContainsRegex("\n[^\n]* WARN  server log.lines_lost count=[45]\n[^\n]* INFO  receiver "
                                     "after\n$"));
  EXPECT_THAT(text, testing::HasSubstr("first"));
}

TEST(LogLevel, PythonsNames) {
  config::Logging logging;
  const auto level = [&](const char* name) {
    logging.level = name;
    return level_of(logging);
  };
  EXPECT_EQ(level("DEBUG"), Level::debug);
  EXPECT_EQ(level("INFO"), Level::info);
  EXPECT_EQ(level("WARNING"), Level::warning);
  EXPECT_EQ(level("CRITICAL"), Level::error);
}

TEST(RunFile, WhatIsWrittenIsRead) {
  const run_file::Running running{.pid = 4711,
                                  .runtime_dir = "/run/dync",
                                  .address = "tcp://0.0.0.0:8889",
                                  .started_at = "2026-01-31T09:15:02.123Z",
                                  .started_boot = 12345};
  EXPECT_EQ(run_file::parse(run_file::format(running)), running);
}

TEST(RunFile, AnythingElseIsNothing) {
  for (const char* text : {"", "4711", "[]", "{", R"({"pid":"x"})", R"({"pid":1})"})
    EXPECT_EQ(run_file::parse(text), std::nullopt) << text;
}

}  // namespace
}  // namespace dync::server
