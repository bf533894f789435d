// The real dync, against a server in this process.
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "proto/keys/certificate.h"
#include "proto/posix/file.h"
#include "proto/posix/process.h"
#include "tests/unit/client/fake_server.h"
#include "tests/unit/temporary_directory.h"

namespace dync::tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Ended {
  int code = -1;
  std::string out, err;
  std::chrono::milliseconds took{0};
};

class DyncProgram : public testing::Test {
 protected:
  DyncProgram() : server_(home_.path()) {}

  std::string file(const std::string& name, std::size_t size) {
    std::string content(size, ' ');
    for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 31 + i / 997);
    std::ofstream(home_ / name) << content;
    return (home_ / name).string();
  }
  std::string content(const std::string& name) const { return posix::read_file(home_ / name, 1 << 30); }

  pid_t begin(std::vector<std::string> arguments, int input = -1, const std::string& output = "") {
    began_ = Clock::now();
    arguments.insert(arguments.begin(), {"dync", "--config-dir", server_.config_dir().string()});
    const posix::Fd in = input >= 0 ? posix::Fd(::dup(input)) : posix::open_file("/dev/null", O_RDONLY);
    const posix::Fd out = posix::open_file(output.empty() ? (home_ / "out").string() : output,
                                           output.empty() ? O_WRONLY | O_CREAT | O_TRUNC : O_WRONLY);
    const posix::Fd err = posix::open_file(home_ / "err", O_WRONLY | O_CREAT | O_TRUNC);
    return posix::spawn(DYNC_PROGRAM, arguments, {{in.get(), 0}, {out.get(), 1}, {err.get(), 2}});
  }
  Ended end(pid_t child) {
    int status = 0;
    Ended ended;
    for (const auto limit = Clock::now() + 100s; ::waitpid(child, &status, WNOHANG) == 0;) {
      if (Clock::now() > limit) {
        ::kill(child, SIGKILL);
        ADD_FAILURE() << "dync did not end";
      }
      std::this_thread::sleep_for(5ms);
    }
    ended.took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began_);
    const posix::Exit exit = posix::exit_of(status);
    ended.code = exit.signal == 0 ? exit.code : -exit.signal;
    ended.out = std::filesystem::exists(home_ / "out") ? content("out") : "";
    ended.err = content("err");
    return ended;
  }
  Ended run(std::vector<std::string> arguments, int input = -1, const std::string& output = "") {
    return end(begin(std::move(arguments), input, output));
  }
  // How many uploads the client remembers.
  std::size_t states() const {
    const auto all = std::filesystem::directory_iterator(server_.config_dir() / "state");
    return static_cast<std::size_t>(std::distance(all, std::filesystem::directory_iterator()));
  }
  std::string at() const { return "127.0.0.1:" + std::to_string(server_.port()); }
  void await(const std::function<bool()>& condition) {
    for (const auto limit = Clock::now() + 60s; !condition(); std::this_thread::sleep_for(2ms)) {
      ASSERT_LT(Clock::now(), limit) << "waited for nothing";
    }
  }

  TemporaryDirectory home_;
  FakeServer server_;
  Clock::time_point began_;
};

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST_F(DyncProgram, SendsSeveralFilesOverOneConnectionAndSha256sumAgrees) {
  server_.start();
  std::vector<std::string> arguments{"-k", "sample:1", at()};
  for (const std::size_t size : {0u, 1u, 999u, 1000u, 1001u, 77777u}) {
    arguments.push_back(file("file" + std::to_string(size), size));
  }
  const Ended ended = run(arguments);
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.err, "");
  for (const std::size_t size : {0u, 1u, 999u, 1000u, 1001u, 77777u}) {
    EXPECT_EQ(server_.stored("file" + std::to_string(size)), content("file" + std::to_string(size)));
  }
  EXPECT_EQ(server_.connections(), 1u);
  EXPECT_EQ(server_.metadata_of("file0"), R"({"sample":"1"})");
  EXPECT_EQ(std::count(ended.out.begin(), ended.out.end(), '\n'), 6);
  EXPECT_EQ(std::system(("sha256sum -c --strict --quiet " + (home_ / "out").string()).c_str()), 0);
}

TEST_F(DyncProgram, AnOriginalGetsAConnectionForEachFile) {
  server_.behaviour.original = true;
  server_.start();
  const Ended ended = run({at(), file("a", 5000), file("b", 0), file("c", 100)});
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(server_.stored("a"), content("a"));
  EXPECT_EQ(server_.stored("c"), content("c"));
  EXPECT_EQ(server_.connections(), 3u);
}

TEST_F(DyncProgram, OneBadFileDoesNotStopTheOthers) {
  server_.behaviour.refuse["bad"] = {wire::Code::refused, "the name has no barcode: rename it"};
  server_.start();
  const Ended ended =
      run({at(), file("bad", 10), home_.path(), (home_ / "absent").string(), file("good", 10)});
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(server_.stored("good"), content("good"));
  EXPECT_EQ(std::count(ended.out.begin(), ended.out.end(), '\n'), 1);
  EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 3) << ended.err;
  EXPECT_SAYS(ended.err, "the name has no barcode: rename it");
  EXPECT_SAYS(ended.err, "it is a directory");
  EXPECT_SAYS(ended.err, "No such file");
}

TEST_F(DyncProgram, JsonTellsOfFailuresToo) {
  server_.behaviour.refuse["bad"] = {wire::Code::no_space, "12 bytes free, 13 needed"};
  server_.start();
  const Ended ended = run({"--json", at(), file("bad", 10), file("good", 1234)});
  EXPECT_EQ(ended.code, 1);
  std::istringstream lines(ended.out);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const auto bad = nlohmann::json::parse(line);
  EXPECT_EQ(bad["code"], 507);
  EXPECT_EQ(bad["stored"], false);
  ASSERT_TRUE(std::getline(lines, line));
  const auto good = nlohmann::json::parse(line);
  EXPECT_EQ(good["size"], 1234);
  EXPECT_EQ(good["destination"], "/box/good");
  EXPECT_EQ(good["attempts"], 1);
  EXPECT_EQ(good["sha256"].get<std::string>().size(), 64u);
  EXPECT_TRUE(good["error"].is_null());
}

TEST_F(DyncProgram, StandardInputIsSentUnderItsName) {
  server_.start();
  const posix::Fd in = posix::open_file(file("in", 12345), O_RDONLY);
  const Ended ended = run({"-n", "piped.raw", at()}, in.get());
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(server_.stored("piped.raw"), content("in"));
  EXPECT_EQ(ended.out.substr(0, 2), "# ");
  EXPECT_EQ(ended.out.substr(66), "  piped.raw\n");
}

TEST_F(DyncProgram, AReceiptThatCantBeWrittenIsNoSuccess) {
  server_.start();
  const Ended ended = run({at(), file("a", 10)}, -1, "/dev/full");
  EXPECT_EQ(ended.code, 1);
  EXPECT_SAYS(ended.err, "dync: " + (home_ / "a").string() + ": its receipt could not be written");
  EXPECT_SAYS(ended.err, "No space left on device");
}

TEST_F(DyncProgram, AClientKeyThatIsNotListedIsToldAtOnce) {
  std::filesystem::remove(server_.clients() / "lab1.key");
  server_.start();
  const Ended ended = run({at(), file("a", 10), file("b", 10)});
  EXPECT_EQ(ended.code, 1);
  EXPECT_SAYS(ended.err, "does not know your key");
  EXPECT_LT(ended.took, 10s);
}

TEST_F(DyncProgram, AWrongServerKeyIsToldAtOnce) {
  server_.start();
  const auto known = server_.config_dir() / "known_servers";
  std::filesystem::create_directories(known);
  std::ofstream(known / ("127.0.0.1_" + std::to_string(server_.port()) + ".key"))
      << keys::format_public(keys::generate(""), "now");
  const Ended ended = run({at(), file("a", 10)});
  EXPECT_EQ(ended.code, 1);
  EXPECT_SAYS(ended.err, "not as the dync server of");
  EXPECT_SAYS(ended.err, "known_servers");
  EXPECT_LT(ended.took, 30s);
}

TEST_F(DyncProgram, AClosedPortIsToldWithinSeconds) {
  server_.start();
  server_.stop();
  const Ended ended = run({at(), file("a", 10)});
  EXPECT_EQ(ended.code, 1);
  EXPECT_SAYS(ended.err, "cannot reach 127.0.0.1 port");
  EXPECT_SAYS(ended.err, "Connection refused");
  EXPECT_LT(ended.took, 30s);
}

TEST_F(DyncProgram, KeysThatAreMissingOrOpenToOthersAreRefused) {
  server_.start();
  const auto secret = server_.config_dir() / "client.key_secret";
  std::filesystem::permissions(secret, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  const Ended open = run({at(), file("a", 10)});
  EXPECT_EQ(open.code, 1);
  EXPECT_SAYS(open.err, "chmod 600");

  std::filesystem::permissions(secret, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::remove);
  std::filesystem::remove(server_.config_dir() / "server.key");
  const Ended unknown = run({at(), file("a", 10)});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_SAYS(unknown.err, "dync-keygen fingerprint");
  EXPECT_SAYS(unknown.err, "known_servers");

  std::filesystem::remove(secret);
  const Ended none = run({at(), file("a", 10)});
  EXPECT_EQ(none.code, 1);
  EXPECT_SAYS(none.err, "dync-keygen client");
}

TEST_F(DyncProgram, AnInterruptLeavesAPartialThatTheSameCommandGoesOnWith) {
  server_.behaviour.stall_at = 20000;
  server_.start();
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string name = "file" + std::to_string(signal);
    const pid_t child = begin({at(), file(name, 100000), file("never", 10)});
    await([&] { return server_.received(name) >= 20000; });
    ::kill(child, signal);
    const Ended ended = end(child);
    EXPECT_EQ(ended.code, 130) << ended.err;
    EXPECT_EQ(ended.err, "dync: interrupted: run the same command again to go on\n");
    EXPECT_EQ(ended.out, "");
    EXPECT_EQ(server_.stored("never"), std::nullopt);
  }
  EXPECT_EQ(states(), 2u);
  server_.go_on();
  const Ended again = run({at(), (home_ / ("file" + std::to_string(SIGINT))).string()});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(states(), 1u);
  EXPECT_EQ(server_.stored("file" + std::to_string(SIGINT)), content("file" + std::to_string(SIGINT)));
  EXPECT_EQ(server_.errors(), std::vector<std::string>{}) << "an error would have ended the upload";
}

TEST_F(DyncProgram, AnInterruptTellsAnOriginalAndAlsoOfAStream) {
  server_.behaviour.stall_at = 20000;
  for (const bool original : {true, false}) {
    server_.behaviour.original = original;
    server_.start();
    const std::string name = original ? "file" : "stream";
    const std::string path = file(name, 100000);
    const posix::Fd input = posix::open_file(path, O_RDONLY);
    const pid_t child = original ? begin({at(), path}) : begin({"--name", name, at(), "-"}, input.get());
    await([&] { return server_.received(name) >= 20000; });
    ::kill(child, SIGINT);
    const Ended ended = end(child);
    EXPECT_EQ(ended.code, 130);
    EXPECT_EQ(ended.err, original ? "dync: interrupted\n"
                                  : "dync: interrupted: standard input cannot be resumed: send it again\n");
    await([&] { return server_.errors().size() == (original ? 1u : 2u); });
    EXPECT_EQ(states(), 0u);
    server_.stop();
  }
}

constexpr char kMayBeStored[] =
    "all of it was sent and may have been stored: look on the server before you send it again";

TEST_F(DyncProgram, AStreamThatWasSentWholeIsNotToldAsLost) {
  server_.behaviour.mute_at_end = true;
  server_.start();
  const posix::Fd input = posix::open_file(file("in", 5000), O_RDONLY);
  const pid_t child = begin({"--name", "interrupted", at(), "-"}, input.get());
  await([&] { return server_.stored("interrupted").has_value(); });
  ::kill(child, SIGINT);
  const Ended interrupted = end(child);
  EXPECT_EQ(interrupted.code, 130);
  EXPECT_EQ(interrupted.err, std::string("dync: interrupted: ") + kMayBeStored + "\n");

  const posix::Fd again = posix::open_file(home_ / "in", O_RDONLY);
  const Ended silent = run({"--name", "silent", "--timeout", "2", at(), "-"}, again.get());
  EXPECT_EQ(silent.code, 1);
  EXPECT_EQ(silent.err, std::string("dync: -: no answer from the server for 2 s; ") + kMayBeStored + "\n");
}

TEST_F(DyncProgram, AStreamThatTheServerEndedGetsTheServersWordsOnly) {
  server_.behaviour.refuse_at_end = {wire::Code::refused, "it is no archive"};
  server_.start();
  const posix::Fd input = posix::open_file(file("in", 5000), O_RDONLY);
  const Ended ended = run({"--name", "stream", at(), "-"}, input.get());
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(ended.err, "dync: -: refused by a rule of the server (422): it is no archive\n");
}

TEST_F(DyncProgram, AReceiptThatGotLostIsFetchedByTheNextRun) {
  server_.behaviour.lose_receipts = true;
  server_.start();
  const std::string lost = file("lost", 30000), first = file("first", 100);
  const pid_t child = begin({at(), lost});
  await([&] { return server_.stored("lost").has_value(); });
  ::kill(child, SIGKILL);
  EXPECT_EQ(end(child).code, -SIGKILL);
  EXPECT_EQ(states(), 1u);
  server_.stop();
  server_.behaviour.lose_receipts = false;
  server_.start();
  const Ended again = run({"--json", at(), first, lost});  // not the first on its connection
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(std::count(again.out.begin(), again.out.end(), '\n'), 2) << again.out;
  EXPECT_EQ(again.err, "");
  EXPECT_EQ(states(), 0u) << "the receipts were read";
}

TEST_F(DyncProgram, TwoRunsNeverSendOneFile) {
  server_.behaviour.stall_at = 20000;
  server_.start();
  const std::string path = file("a", 100000);
  const pid_t child = begin({at(), path});
  await([&] { return server_.received("a") >= 20000; });
  const Ended second = run({at(), path});
  EXPECT_EQ(second.code, 1);
  EXPECT_EQ(second.err,
            "dync: " + path + ": another dync is sending it to this server: wait until that one has ended\n");
  server_.go_on();
  EXPECT_EQ(end(child).code, 0);
}

TEST_F(DyncProgram, WithoutAPlaceForItsStateItSendsAndSaysWhatThatMeans) {
  std::ofstream(server_.config_dir() / "state") << "no directory";
  server_.start();
  const Ended ended = run({at(), file("a", 100), file("b", 100)});
  EXPECT_EQ(ended.code, 0);
  EXPECT_SAYS(ended.err, "cannot be resumed after this run: ");
  EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  EXPECT_EQ(run({"-q", at(), file("c", 100)}).err, "");
}

TEST_F(DyncProgram, AStateThatCantBeUsedIsToldAndTheFileIsNotSent) {
  server_.behaviour.lose_receipts = true;
  server_.start();
  const std::string path = file("a", 100);
  const pid_t child = begin({at(), path});
  await([&] { return server_.stored("a").has_value(); });
  ::kill(child, SIGKILL);
  end(child);
  const auto state = std::filesystem::directory_iterator(server_.config_dir() / "state")->path();
  std::filesystem::remove(state);
  std::filesystem::create_directory(state);
  const Ended ended = run({at(), path});
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(ended.err.find("dync: " + path + ": its state in " + state.string() + " cannot be used ("), 0u)
      << ended.err;
  EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
  EXPECT_EQ(server_.connections(), 1u);
}

TEST_F(DyncProgram, AFileThatGrowsIsNotStored) {
  server_.behaviour.stall_at = 20000;
  server_.start();
  const pid_t child = begin({at(), file("a", 100000)});
  await([&] { return server_.received("a") >= 20000; });
  std::ofstream(home_ / "a", std::ios::app) << "more";
  server_.go_on();
  const Ended ended = end(child);
  EXPECT_EQ(ended.code, 1);
  EXPECT_SAYS(ended.err, "changed while it was being sent");
  await([&] { return server_.errors().size() == 1; });
  EXPECT_EQ(server_.stored("a"), std::nullopt);
}

TEST_F(DyncProgram, AMuteServerIsGivenUpAfterTheTimeout) {
  server_.behaviour.mute = true;
  server_.start();
  const Ended ended = run({"--timeout", "2", at(), file("a", 10)});
  EXPECT_EQ(ended.code, 1);
  EXPECT_SAYS(ended.err, "no answer from the server for 2 s");
  EXPECT_GE(ended.took, 2s);
  EXPECT_LT(ended.took, 20s);
}

TEST_F(DyncProgram, GoesOnWhenTheServerComesBack) {
  server_.behaviour.stall_at = 20000;
  server_.start();
  const pid_t child = begin({"--json", at(), file("a", 100000)});
  await([&] { return server_.received("a") >= 20000; });
  server_.stop();
  server_.go_on();
  server_.start();
  const Ended ended = end(child);
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(server_.stored("a"), content("a"));
  EXPECT_EQ(nlohmann::json::parse(ended.out)["attempts"], 2);
}

TEST_F(DyncProgram, AReceiptForOtherBytesIsAFailure) {
  server_.behaviour.wrong_receipt = true;
  server_.start();
  const Ended ended = run({at(), file("a", 10)});
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(ended.out, "");
  EXPECT_SAYS(ended.err, "something else than what was sent");
}

TEST_F(DyncProgram, WrongUseAndBadMetadataExitWith2BeforeAnythingIsSent) {
  server_.start();
  EXPECT_EQ(run({at()}).code, 2);
  std::ofstream(home_ / "meta") << "{\n\"a\": 1,\n\"a\": 2}";
  const Ended twice = run({"-m", (home_ / "meta").string(), at(), file("a", 10)});
  EXPECT_EQ(twice.code, 2);
  EXPECT_SAYS(twice.err, "meta: line 3, column");
  EXPECT_EQ(run({"-m", (home_ / "absent").string(), at(), file("a", 10)}).code, 2);
  EXPECT_EQ(server_.connections(), 0u);
}

TEST_F(DyncProgram, ProgressAlwaysIsLinesForALog) {
  server_.start();
  const Ended ended = run({"--progress", "always", at(), file("a", 10)});
  EXPECT_EQ(ended.code, 0);
  EXPECT_SAYS(ended.err, "a: stored, 10 B in ");
  EXPECT_EQ(ended.err.find('\r'), std::string::npos);
  EXPECT_EQ(ended.err.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace dync::tests
