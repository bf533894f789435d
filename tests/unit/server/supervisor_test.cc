// The supervisor with real processes: fake workers that speak the channel.
#include "ops/server/supervisor.h"

#include <chrono>
#include <csignal>
#include <deque>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "ops/server/programs.h"
#include "proto/posix/process.h"
#include "tests/unit/server/scratch.h"

namespace dync::server {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr auto kDeadline = 60s;

int count(const std::string& text, const std::string& piece) {
  int found = 0;
  for (auto at = text.find(piece); at != std::string::npos; at = text.find(piece, at + 1)) ++found;
  return found;
}

// Runs a supervisor and a script beside it: each step waits for its condition, then acts.
class SupervisorTest : public testing::Test {
 protected:
  using Condition = std::function<bool()>;
  using Action = std::function<void()>;

  SupervisorTest() { timing_.stop = 8s; }

  void then(Condition condition, Action action) {
    script_.emplace_back(std::move(condition), std::move(action));
  }
  void then_stop(Condition condition) {
    then(std::move(condition), [this] { supervisor_->stop(0); });
  }
  Condition in_journal(std::string piece, int times = 1) {
    return [=, this] { return count(scratch_.journal(), piece) >= times; };
  }
  Condition in_log(std::string piece, int times = 1) {
    return [=, this] { return count(log_, piece) >= times; };
  }
  Condition serving() {
    return [this] { return ready_ > 0; };
  }

  void run(bool debug = false) {
    const service::Log log([this](service::Level, const std::string& line) { log_ += line + "\n"; },
                           service::Level::debug);
    supervisor_ = std::make_unique<Supervisor>(
        loop_, log,
        server::Setup{.config_file = "/etc/dyncserver.yaml",
                      .config_text = "TEXT",
                      .runtime_dir = scratch_.path(),
                      .debug = debug,
                      .background = false,
                      .workers = worker_specs(libexec_directory(), 2),
                      .untar = untar_program(libexec_directory()),
                      .timing = timing_},
        Supervisor::Told{.log = [this](service::Level, const auto& worker,
                                       const auto& line) { log_ += worker + ": " + line + "\n"; },
                         .ready =
                             [this](const std::string& address) {
                               ++ready_;
                               address_ = address;
                             },
                         .ended =
                             [this](int code) {
                               exit_ = code;
                               loop_.stop();
                             }});
    const posix::Fd signals = posix::signal_fd({SIGCHLD});
    loop_.on_readable(signals.get(), [&] {
      while (posix::next_signal(signals.get()) != 0) supervisor_->reap();
    });
    loop_.every(5ms, [this] { step(); });
    loop_.after(kDeadline, [this] {
      ADD_FAILURE() << script_.size() << " steps of the script are left after the deadline";
      supervisor_->stop(-1);
      script_.clear();
    });
    supervisor_->start();
    loop_.run();
    EXPECT_TRUE(script_.empty()) << "the server ended before the script";
    supervisor_.reset();
  }

  void step() {
    if (script_.empty() || !script_.front().first()) return;
    const Action action = script_.front().second;
    script_.pop_front();
    action();
  }

  pid_t pid_of(const std::string& worker) const {
    const auto at = log_.rfind("worker.ready worker=" + worker + " pid=");
    return at == std::string::npos ? 0 : std::stoi(log_.substr(log_.find("pid=", at) + 4));
  }

  std::vector<pid_t> untar_pids() const {
    std::vector<pid_t> pids;
    const std::string event = "untar.started job=";
    for (auto at = log_.find(event); at != std::string::npos; at = log_.find(event, at + 1))
      pids.push_back(std::stoi(log_.substr(log_.find("pid=", at) + 4)));
    return pids;
  }

  test::Scratch scratch_;
  Timing timing_;
  service::Loop loop_;
  std::unique_ptr<Supervisor> supervisor_;
  std::deque<std::pair<Condition, Action>> script_;
  std::string log_;
  std::string address_;
  int ready_ = 0;
  int exit_ = -2;
};

TEST_F(SupervisorTest, StartsAndStopsInOrder) {
  then_stop(serving());
  run();
  EXPECT_EQ(exit_, 0);
  EXPECT_EQ(ready_, 1);
  EXPECT_EQ(address_, "tcp://127.0.0.1:4711");
  const std::string journal = scratch_.journal();
  const auto at = [&](const char* piece) { return journal.find(piece); };
  EXPECT_LT(at("committer start"), at("hasher-0 start"));
  EXPECT_LT(at("hasher-1 start"), at("receiver start"));
  EXPECT_LT(at("receiver stop"), std::min(at("hasher-0 stop"), at("hasher-1 stop")));
  EXPECT_LT(std::max(at("hasher-0 stop"), at("hasher-1 stop")), at("committer stop"));
  EXPECT_NE(at("committer stop"), std::string::npos);
  EXPECT_THAT(journal, HasSubstr("receiver start incarnation=0 address= config=TEXT"));
  EXPECT_THAT(log_, AllOf(HasSubstr("hasher-1: fake.ready"), Not(HasSubstr("fake.detail"))));
}

TEST_F(SupervisorTest, DebugLinesComeWhenTheyAreWanted) {
  then_stop(serving());
  run(true);
  EXPECT_THAT(log_, HasSubstr("committer: fake.detail"));
}

TEST_F(SupervisorTest, AKilledReceiverComesBackAtItsPortWithANewIncarnation) {
  then(serving(), [this] { ::kill(pid_of("receiver"), SIGKILL); });
  then_stop(in_log("worker.ready worker=receiver", 2));
  run();
  EXPECT_THAT(scratch_.journal(), HasSubstr("receiver start incarnation=1 address=tcp://127.0.0.1:4711"));
  EXPECT_THAT(log_, HasSubstr("worker.died worker=receiver"));
  EXPECT_THAT(log_, HasSubstr("signal 9 (Killed)"));
  EXPECT_THAT(log_, HasSubstr("restart_ms=0"));
  EXPECT_EQ(ready_, 1) << "a restart is no second start of the server";
  EXPECT_EQ(count(scratch_.journal(), "committer start"), 1) << "the others go on";
}

TEST_F(SupervisorTest, EachHasherCountsItsOwnIncarnations) {
  then(serving(), [this] { ::kill(pid_of("hasher-1"), SIGKILL); });
  then_stop(in_log("worker.ready worker=hasher-1", 2));
  run();
  EXPECT_THAT(scratch_.journal(), HasSubstr("hasher-1 start incarnation=1"));
  EXPECT_EQ(count(scratch_.journal(), "hasher-0 start"), 1);
}

TEST_F(SupervisorTest, ANewConfigReachesWhoRunsAndWhoStartsLater) {
  then(serving(), [this] { supervisor_->reload("NEW", true); });
  then(in_journal(" reload config=NEW", 4), [this] { ::kill(pid_of("hasher-0"), SIGKILL); });
  then_stop(in_log("worker.ready worker=hasher-0", 2));
  run();
  for (const char* worker : {"committer", "hasher-0", "hasher-1", "receiver"})
    EXPECT_EQ(count(scratch_.journal(), std::string(worker) + " reload config=NEW"), 1) << worker;
  EXPECT_THAT(scratch_.journal(), HasSubstr("hasher-0 start incarnation=1 address= config=NEW"));
  EXPECT_THAT(log_, HasSubstr("hasher-0: fake.detail")) << "debug lines are wanted now";
  EXPECT_THAT(log_, Not(HasSubstr("hasher-1: fake.detail")));
}

TEST_F(SupervisorTest, AWorkerThatDoesNotReadNowGetsTheLastConfigLater) {
  then(serving(), [this] {
    ::kill(pid_of("hasher-1"), SIGSTOP);
    for (int i = 0; i < 5000; ++i) supervisor_->reload("TEXT" + std::to_string(i) + ".", false);
    ::kill(pid_of("hasher-1"), SIGCONT);
  });
  then_stop([this] {
    const std::string journal = scratch_.journal();
    return journal.find("hasher-1 reload config=TEXT4999.") != std::string::npos &&
           journal.find("receiver reload config=TEXT4999.") != std::string::npos;
  });
  run();
  const std::string journal = scratch_.journal();
  EXPECT_LT(count(journal, "hasher-1 reload"), 5000) << "its channel was never full";
  EXPECT_EQ(exit_, 0);
}

TEST_F(SupervisorTest, AWorkerThatKeepsDyingIsStartedLessAndLessOften) {
  then(serving(), [this] {
    scratch_.tell("hasher-0", "exit", "70");
    ::kill(pid_of("hasher-0"), SIGKILL);
  });
  then(in_log("worker.died worker=hasher-0", 4),
       [this] { std::filesystem::remove(scratch_.path() / "hasher-0.exit"); });
  then_stop(in_log("worker.ready worker=hasher-0", 2));
  run();
  EXPECT_THAT(log_, HasSubstr("restart_ms=100\n"));
  EXPECT_THAT(log_, HasSubstr("restart_ms=200\n"));
  EXPECT_EQ(exit_, 0) << "once it has served, the server does not give up";
}

TEST_F(SupervisorTest, ASilentWorkerIsKilledAndStartedAgain) {
  timing_.silent = 3s;
  scratch_.tell("hasher-0", "silent");
  then_stop(in_log("worker.ready worker=hasher-0", 2));
  run();
  EXPECT_THAT(log_, HasSubstr("worker.silent worker=hasher-0"));
  EXPECT_THAT(log_, Not(HasSubstr("worker.silent worker=hasher-1")));
  EXPECT_EQ(exit_, 0);
}

TEST_F(SupervisorTest, TheWatchdogIsFedOnlyWhileAllSpeak) {
  timing_.silent = 3s;
  bool was_fresh = false;
  then(serving(), [&] {
    was_fresh = supervisor_->fresh();
    ::kill(pid_of("hasher-0"), SIGSTOP);
  });
  then_stop([&] { return !supervisor_->fresh(); });
  run();
  EXPECT_TRUE(was_fresh);
}

TEST_F(SupervisorTest, AWorkerThatNeverGetsReadyEndsTheStart) {
  scratch_.tell("receiver", "exit", "1");
  run();
  EXPECT_EQ(exit_, 1);
  EXPECT_EQ(ready_, 0);
  EXPECT_THAT(log_, HasSubstr("receiver: fake.refused reason=\"told so\""));
  EXPECT_THAT(log_, HasSubstr("worker.failed_to_start worker=receiver"));
  EXPECT_THAT(scratch_.journal(), AllOf(HasSubstr("hasher-0 stop"), HasSubstr("committer stop")));
}

TEST_F(SupervisorTest, AWorkerThatFindsTheConfigWrongEndsTheStartWith78) {
  scratch_.tell("committer", "exit", "78");
  run();
  EXPECT_EQ(exit_, 78);
  EXPECT_THAT(scratch_.journal(), Not(HasSubstr("receiver start")));
}

TEST_F(SupervisorTest, OneThatDoesNotStopIsKilledInTime) {
  timing_.stop = 2s;
  scratch_.tell("receiver", "stubborn");
  std::chrono::steady_clock::time_point told;
  then(serving(), [&] {
    told = std::chrono::steady_clock::now();
    supervisor_->stop(0);
  });
  run();
  EXPECT_LT(std::chrono::steady_clock::now() - told, 2s);
  EXPECT_THAT(log_, HasSubstr("worker.killed worker=receiver"));
  EXPECT_THAT(scratch_.journal(), HasSubstr("committer stop")) << "the others still stop in order";
  EXPECT_EQ(exit_, 0);
}

TEST_F(SupervisorTest, AWorkerThatSpeaksAnotherProtocolIsKilled) {
  scratch_.tell("hasher-0", "noise");
  then(serving(), [] {});
  then_stop(in_log("worker.ready worker=hasher-0", 2));
  run();
  EXPECT_THAT(log_,
              AllOf(HasSubstr("worker.not_understood worker=hasher-0"), HasSubstr("signal 9 (Killed)")));
}

TEST_F(SupervisorTest, RunsDyncUntarForTheCommitter) {
  then(serving(), [this] { scratch_.write("untar.count", "1"); });
  then_stop(in_journal("untar.ended"));
  run();
  EXPECT_THAT(scratch_.journal(), HasSubstr("untar.ended job=1 code=22 signal=0"));
  EXPECT_EQ(scratch_.read("report1"), "--max-members 10 --max-bytes 1000 --max-ratio 200 fd3 fd4 fd5 ");
}

TEST_F(SupervisorTest, NoMoreThanAFewArchivesAtOnceAndAllInTheEnd) {
  constexpr int kAsked = 3 * static_cast<int>(limits::kUntarsAtOnce);
  const int most = static_cast<int>(limits::kUntarsAtOnce);
  scratch_.tell("untar", "hang");
  int running = 0;
  then(serving(), [&] { scratch_.write("untar.count", std::to_string(kAsked)); });
  then(in_journal("untar start", most), [] {});
  then([rounds = 0]() mutable { return ++rounds > 20; },
       [&] {
         running = count(scratch_.journal(), "untar start");
         std::filesystem::remove(scratch_.path() / "untar.hang");
         for (const pid_t pid : untar_pids()) ::kill(pid, SIGKILL);
       });
  then_stop(in_journal("untar.ended", kAsked));
  run();
  EXPECT_EQ(running, most);
  EXPECT_EQ(count(scratch_.journal(), "code=22 signal=0"), kAsked - most);
  EXPECT_EQ(count(scratch_.journal(), "code=0 signal=9"), most);
}

TEST_F(SupervisorTest, AnArchiveThatTakesTooLongIsKilled) {
  timing_.untar = 300ms;
  scratch_.tell("untar", "hang");
  then(serving(), [this] { scratch_.write("untar.count", "1"); });
  then_stop(in_journal("untar.ended"));
  run();
  EXPECT_THAT(scratch_.journal(), HasSubstr("untar.ended job=1 code=0 signal=15"));
  EXPECT_THAT(log_, HasSubstr("untar.too_slow"));
}

TEST_F(SupervisorTest, ADeadCommittersArchivesAreGoneBeforeTheNextStarts) {
  scratch_.tell("untar", "hang");
  then(serving(), [this] { scratch_.write("untar.count", "2"); });
  then(in_journal("untar start", 2), [this] { ::kill(pid_of("committer"), SIGKILL); });
  then_stop(in_log("worker.ready worker=committer", 2));
  run();
  const auto second = log_.rfind("worker.started worker=committer");
  EXPECT_EQ(count(log_.substr(0, second), "untar.ended"), 2);
  EXPECT_THAT(scratch_.journal(), HasSubstr("committer start incarnation=1"));
  EXPECT_THAT(scratch_.journal(), Not(HasSubstr("untar.ended"))) << "the new committer never asked";
}

TEST_F(SupervisorTest, AMissingProgramIsToldBeforeAnythingStarts) {
  std::filesystem::remove(scratch_.path() / "libexec" / "dync-hasher");
  EXPECT_THROW(worker_specs(libexec_directory(), 1), std::runtime_error);
}

}  // namespace
}  // namespace dync::server
