// The real dync-server with fake workers: its commands, exit codes and files.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <regex>
#include <sstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "proto/keys/certificate.h"
#include "proto/posix/process.h"
#include "schema/run_file/run_file.h"
#include "tests/unit/server/scratch.h"

namespace dync::server {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

struct Ran {
  int code;
  std::string output;  // both streams
};

Ran run(const std::string& command) {
  std::FILE* pipe = ::popen((command + " 2>&1 </dev/null").c_str(), "r");
  std::string output;
  char piece[4096];
  for (std::size_t got = 0; (got = std::fread(piece, 1, sizeof piece, pipe)) > 0;) output.append(piece, got);
  return {posix::exit_of(::pclose(pipe)).code, output};
}

bool await(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

class Program : public testing::Test {
 protected:
  Program() {
    for (const char* name : {"staging", "store", "box", "keys", "keys/clients"})
      std::filesystem::create_directory(home() / name);
    const auto server = keys::generate("server");
    scratch_.write("keys/server.key_secret", keys::format_secret(server, "now"));
    ::chmod((home() / "keys/server.key_secret").c_str(), 0600);
    scratch_.write("keys/clients/lab1.key", keys::format_public(keys::generate("lab1"), "now"));
    configure("");
    ::unsetenv("NOTIFY_SOCKET");
    ::unsetenv("RUNTIME_DIRECTORY");
  }
  ~Program() override {
    if (child_ > 0) end_foreground(SIGKILL);
    server("stop");
    if (const auto crashed = run_file::parse(scratch_.read("store/dync.sqlite.run")))
      std::filesystem::remove_all(crashed->runtime_dir);
  }

  const std::filesystem::path& home() const { return scratch_.path(); }
  std::string config() const { return (home() / "dync.yaml").string(); }
  void configure(const std::string& more) {
    const std::string at = home().string();
    scratch_.write("dync.yaml",
                   "address: 'tcp://127.0.0.1:*'\noptions: {pidfile: " + at +
                       "/dync.pid, umask: 0027}\nkeys: {dir: " + at + "/keys}\nstorage:\n  tmp_dir: " + at +
                       "/staging\n  path: " + at +
                       "/store\n  dropboxes:\n    - {regexp: '.*\\.raw$', path: " + at +
                       "/box, origin: [lab1, lab2]}\nlogging: {version: 1, root: {level: INFO, handlers: "
                       "[file]}, handlers: {file: {class: logging.FileHandler, filename: " +
                       at + "/dync.log}}}\n" + more);
  }
  Ran server(const std::string& arguments) const {
    return run(std::string(DYNC_SERVER) + " " + arguments + " -c " + config());
  }
  void start_foreground() { await_serving(posix::spawn(DYNC_SERVER, {"dync-server", "-c", config()}, {})); }
  void await_serving(pid_t server) {
    child_ = server;
    ASSERT_TRUE(await([this] {
      return std::filesystem::exists(run_path()) && !scratch_.read("store/dync.sqlite.run").empty();
    }));
  }
  posix::Exit end_foreground(int signal) {
    int status = 0;
    ::kill(child_, signal);
    ::waitpid(std::exchange(child_, 0), &status, 0);
    return posix::exit_of(status);
  }
  // The log line that tells what became of a reload.
  std::string reload() {
    const std::size_t seen = scratch_.read("dync.log").size();
    ::kill(child_, SIGHUP);
    std::string line;
    EXPECT_TRUE(await([&] {
      const std::string log = scratch_.read("dync.log").substr(seen);
      const std::size_t at = log.find("server config.");
      if (at == std::string::npos || log.find('\n', at) == std::string::npos) return false;
      const std::size_t begin = log.rfind('\n', at) + 1;
      line = log.substr(begin, log.find('\n', at) - begin);
      return true;
    }));
    return line;
  }
  std::filesystem::path run_path() const { return home() / "store/dync.sqlite.run"; }

  test::Scratch scratch_;
  pid_t child_ = 0;
};

TEST_F(Program, BackgroundStatusStop) {
  EXPECT_EQ(server("status").code, 3);
  const Ran started = server("-d");
  ASSERT_EQ(started.code, 0) << started.output;
  EXPECT_EQ(started.output, "");
  const std::string pid = scratch_.read("dync.pid");
  EXPECT_THAT(scratch_.read("store/dync.sqlite.run"),
              AllOf(HasSubstr("\"pid\":" + pid.substr(0, pid.find('\n'))),
                    HasSubstr("\"address\":\"tcp://127.0.0.1:4711\""), HasSubstr("\"runtime_dir\":\"/")));
  struct stat info {};
  ::stat(run_path().c_str(), &info);
  EXPECT_EQ(info.st_mode & 0777U, 0640U);
  const Ran status = server("status");
  EXPECT_EQ(status.code, 0);
  EXPECT_THAT(status.output,
              AllOf(HasSubstr("running"), HasSubstr("pid      " + pid),
                    HasSubstr("address  tcp://127.0.0.1:4711"), ContainsRegex("uptime   [0-9]+ s")));
  const Ran stopped = server("stop");
  EXPECT_EQ(stopped.code, 0) << stopped.output;
  EXPECT_FALSE(std::filesystem::exists(run_path()));
  EXPECT_FALSE(std::filesystem::exists(home() / "dync.pid"));
  EXPECT_EQ(server("status").code, 3);
  EXPECT_EQ(server("stop").code, 0) << "what does not run is stopped";
}

TEST_F(Program, LogLinesAreWholeAndTellTimeLevelAndProcess) {
  ASSERT_EQ(server("start").code, 0);
  ASSERT_EQ(server("stop").code, 0);
  std::istringstream log(scratch_.read("dync.log"));
  const std::regex form(
      R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO |WARN |ERROR) [a-z0-9-]+ [a-z_.]+( [a-z_]+=.*)?)");
  int lines = 0;
  for (std::string line; std::getline(log, line); ++lines) EXPECT_TRUE(std::regex_match(line, form)) << line;
  EXPECT_GT(lines, 10);
  EXPECT_THAT(scratch_.read("dync.log"),
              AllOf(HasSubstr("INFO  receiver fake.ready"), HasSubstr("server server.stopped exit=0")));
}

TEST_F(Program, BackgroundThatCannotStartTellsWhyAndFails) {
  scratch_.tell("receiver", "exit", "1");
  const Ran started = server("-d");
  EXPECT_EQ(started.code, 1);
  EXPECT_THAT(started.output, HasSubstr("fake.refused reason=\"told so\""));
  EXPECT_FALSE(std::filesystem::exists(run_path()));
  EXPECT_FALSE(std::filesystem::exists(home() / "dync.pid"));
}

TEST_F(Program, ASecondServerIsRefusedWhileTheFirstGoesOn) {
  start_foreground();
  const Ran second = server("");
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.output, AllOf(HasSubstr("running already (pid " + std::to_string(child_) + ")"),
                                   HasSubstr("dync.sqlite.run")));
  EXPECT_EQ(server("-d").code, 1);
  EXPECT_THAT(server("status").output, HasSubstr(std::to_string(child_)));
  const auto end = end_foreground(SIGTERM);
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.signal, 0);
}

TEST_F(Program, WhatACrashLeftBehindStopsNobodyAndIsRemoved) {
  start_foreground();
  const auto crashed = run_file::parse(scratch_.read("store/dync.sqlite.run"));
  end_foreground(SIGKILL);
  ASSERT_TRUE(std::filesystem::exists(run_path()));
  ASSERT_TRUE(crashed && std::filesystem::exists(crashed->runtime_dir));
  EXPECT_EQ(server("status").code, 3);
  EXPECT_EQ(server("-d").code, 0);
  EXPECT_EQ(server("status").code, 0);
  EXPECT_FALSE(std::filesystem::exists(crashed->runtime_dir));
}

TEST_F(Program, WorkersEndWithAKilledServer) {
  start_foreground();
  end_foreground(SIGKILL);
  EXPECT_TRUE(await([this] { return scratch_.journal().find("committer stop") != std::string::npos; }));
}

TEST_F(Program, AReloadReachesTheWorkersAndTellsWhatChanged) {
  start_foreground();
  EXPECT_THAT(reload(), HasSubstr("config.reloaded changed=nothing"));
  configure("limits: {idle_timeout: 99}\nuntar: {max_members: 5}\n");
  EXPECT_THAT(reload(), AllOf(HasSubstr("INFO "), HasSubstr("config.reloaded changed=\"limits.idle_timeout, "
                                                            "untar.max_members\"")));
  EXPECT_TRUE(await([this] {
    const std::string journal = scratch_.journal();
    return journal.find("receiver reload") != std::string::npos &&
           journal.find("idle_timeout: 99") != std::string::npos;
  }));
  EXPECT_THAT(reload(), HasSubstr("config.reloaded changed=nothing")) << "compared with what counts now";
  EXPECT_EQ(end_foreground(SIGTERM).code, 0);
}

TEST_F(Program, AMistakeChangesNothingAndIsOneLine) {
  start_foreground();
  configure("limits: {idle_timeout: never}\n");
  const std::string line = reload();
  EXPECT_THAT(line, AllOf(HasSubstr("ERROR server config.not_reloaded"), HasSubstr("/dync.yaml:"),
                          HasSubstr(": limits.idle_timeout: is the text 'never'")));
  std::filesystem::remove(config());
  EXPECT_THAT(reload(), HasSubstr("config.not_reloaded"));
  EXPECT_THAT(scratch_.journal(), Not(HasSubstr(" reload ")));
  configure("");
  EXPECT_THAT(reload(), HasSubstr("config.reloaded changed=nothing"));
  EXPECT_EQ(end_foreground(SIGTERM).code, 0);
}

TEST_F(Program, WhatOnlyARestartCanChangeIsNamedAndNothingIsTakenOver) {
  start_foreground();
  configure("limits: {idle_timeout: 99}\nflow: {budget: 1048576}\nworkers: {hashers: 2}\n");
  EXPECT_THAT(reload(), AllOf(HasSubstr("ERROR server config.not_reloaded"),
                              HasSubstr("/dync.yaml:11: flow.budget, workers.hashers: only a restart"),
                              Not(HasSubstr("idle_timeout"))));
  EXPECT_THAT(scratch_.journal(), Not(HasSubstr(" reload ")));
  configure("limits: {idle_timeout: 99}\n");
  EXPECT_THAT(reload(), HasSubstr("config.reloaded changed=limits.idle_timeout"));
  EXPECT_EQ(end_foreground(SIGTERM).code, 0);
}

TEST_F(Program, ASchemaIsReadAtStartAndAtReload) {
  scratch_.write("s.json", R"({"type": "object"})");
  configure("");
  std::string text = scratch_.read("dync.yaml");
  text.insert(text.find(", origin: [lab1"), ", schema: s.json");
  scratch_.write("dync.yaml", text);
  start_foreground();
  EXPECT_THAT(scratch_.journal(), HasSubstr(R"({"type": "object"})"))
      << "workers get the schema with the config";
  scratch_.write("s.json", R"({"type": "objekt"})");
  EXPECT_THAT(reload(), AllOf(HasSubstr("config.not_reloaded"), HasSubstr("storage.dropboxes[0].schema"),
                              HasSubstr("s.json: at '/type': 'objekt' is no type")));
  EXPECT_EQ(server("check").code, 78);
  scratch_.write("s.json", R"({"required": ["sample"]})");
  EXPECT_THAT(reload(), AllOf(HasSubstr("config.reloaded changed="), HasSubstr("/s.json")));
  EXPECT_TRUE(
      await([this] { return scratch_.journal().find(R"({"required": ["sample"]})") != std::string::npos; }));
  EXPECT_EQ(end_foreground(SIGTERM).code, 0);
}

TEST_F(Program, TheLogsLevelCanBeReloaded) {
  start_foreground();
  std::string text = scratch_.read("dync.yaml");
  text.replace(text.find("level: INFO"), 11, "level: ERROR");
  scratch_.write("dync.yaml", text);
  ASSERT_TRUE(await([this] { return scratch_.read("dync.log").find("server.ready") != std::string::npos; }));
  const std::string before = scratch_.read("dync.log");
  ::kill(child_, SIGHUP);
  EXPECT_TRUE(await([this] { return scratch_.journal().find("receiver reload") != std::string::npos; }));
  EXPECT_EQ(end_foreground(SIGTERM).code, 0);
  EXPECT_EQ(scratch_.read("dync.log"), before) << "neither the reload nor the stop is worth an ERROR";
}

// The line of /proc/PID/limits: soft and hard one.
std::pair<std::string, std::string> descriptor_limits(const std::string& pid) {
  std::ifstream limits("/proc/" + pid + "/limits");
  for (std::string line; std::getline(limits, line);) {
    if (!line.starts_with("Max open files")) continue;
    std::istringstream numbers(line.substr(std::string("Max open files").size()));
    std::pair<std::string, std::string> found;
    numbers >> found.first >> found.second;
    return found;
  }
  return {};
}

TEST_F(Program, WorkersGetAllTheDescriptorsThatTheHardLimitAllows) {
  const std::string limited = "ulimit -Sn 256 && ulimit -Hn 4096 && exec \"$0\" -c \"$1\"";
  await_serving(posix::spawn("/bin/sh", {"sh", "-c", limited, DYNC_SERVER, config()}, {}));
  const std::string server = std::to_string(child_);
  std::ifstream children("/proc/" + server + "/task/" + server + "/children");
  std::string worker;
  int workers = 0;
  for (; children >> worker; ++workers)
    EXPECT_EQ(descriptor_limits(worker), std::pair(std::string("4096"), std::string("4096")));
  EXPECT_GE(workers, 3);
  EXPECT_THAT(scratch_.read("dync.log"), Not(HasSubstr("descriptors")));
}

TEST_F(Program, CtrlC) {
  start_foreground();
  EXPECT_EQ(end_foreground(SIGINT).code, 0);
  EXPECT_THAT(scratch_.journal(), HasSubstr("committer stop"));
}

TEST_F(Program, AStalePidfileStopsNobody) {
  scratch_.write("dync.pid", std::to_string(::getpid()) + "\nmore\n");
  ASSERT_EQ(server("-d").code, 0);
  const std::string pid = scratch_.read("dync.pid");
  EXPECT_THAT(pid, testing::MatchesRegex("[0-9]+\n"));
  EXPECT_NE(pid, std::to_string(::getpid()) + "\n");
  EXPECT_EQ(server("stop").code, 0);
  EXPECT_FALSE(std::filesystem::exists(home() / "dync.pid"));
}

TEST_F(Program, ASecondStartIsRefusedAndLeavesThePidfile) {
  ASSERT_EQ(server("start").code, 0);
  const std::string pid = scratch_.read("dync.pid");
  const Ran second = server("start");
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.output, HasSubstr("running already (pid " + pid.substr(0, pid.find('\n')) + ")"));
  EXPECT_EQ(scratch_.read("dync.pid"), pid);
  EXPECT_EQ(server("status").code, 0);
}

TEST_F(Program, APidfileThatCannotBeWrittenIsAMistakeInTheBackgroundOnly) {
  std::string text = scratch_.read("dync.yaml");
  text.replace(text.find("/dync.pid"), 9, "/no/dync.pid");
  scratch_.write("dync.yaml", text);
  const Ran background = server("-d");
  EXPECT_EQ(background.code, 78);
  EXPECT_THAT(background.output,
              AllOf(HasSubstr("/dync.yaml:2: options.pidfile: "), HasSubstr("/no/dync.pid"),
                    HasSubstr("name a file that the server's user can write")));
  EXPECT_EQ(std::count(background.output.begin(), background.output.end(), '\n'), 1);
  EXPECT_FALSE(std::filesystem::exists(run_path()));
  start_foreground();
  EXPECT_EQ(end_foreground(SIGTERM).code, 0);
}

TEST_F(Program, StopAndRestartOfAServerThatDoesNotRun) {
  const Ran stopped = server("stop");
  EXPECT_EQ(stopped.code, 0);
  EXPECT_THAT(stopped.output, HasSubstr("not running"));
  const Ran restarted = server("restart");
  EXPECT_EQ(restarted.code, 0) << restarted.output;
  EXPECT_EQ(server("status").code, 0);
}

TEST_F(Program, RestartIsANewProcess) {
  ASSERT_EQ(server("start").code, 0);
  const std::string before = scratch_.read("dync.pid");
  const Ran again = server("restart");
  EXPECT_EQ(again.code, 0) << again.output;
  EXPECT_NE(scratch_.read("dync.pid"), before);
  EXPECT_EQ(server("status").code, 0);
}

TEST_F(Program, AWrongConfigDoesNotStopTheServerThatRuns) {
  ASSERT_EQ(server("start").code, 0);
  configure("limits: {idle_timeout: never}\n");
  EXPECT_EQ(server("restart").code, 78);
  configure("");
  EXPECT_EQ(server("status").code, 0);
}

TEST_F(Program, CheckTellsWhatWasUnderstood) {
  scratch_.write("keys/clients/broken.key", "metadata\n");
  const Ran checked = server("check");
  EXPECT_EQ(checked.code, 0) << checked.output;
  for (const std::string& piece : std::vector<std::string>{
           "/dync.yaml can be used", "1. " + home().string() + "/box  (line 8)", "that match '.*\\.raw$'",
           "users     only lab1, lab2", "barcode   required in the name", "metadata  any JSON object",
           "access    as options.umask leaves it", "passthrough  refused: storage.manual is not set",
           "client keys  1 valid, 1 skipped", "/store/dync.sqlite", "broken.key"})
    EXPECT_THAT(checked.output, HasSubstr(piece));
  EXPECT_FALSE(std::filesystem::exists(run_path()));
}

TEST_F(Program, CheckTellsForEachSettingWhereItCameFrom) {
  configure("limits: {idle_timeout: 99}\n");
  const std::string told = server("check").output;
  EXPECT_THAT(told, ContainsRegex("\naddress +line 1 +restart +tcp://127.0.0.1:\\*\n"));
  EXPECT_THAT(told, ContainsRegex("\noptions.umask +line 2 +restart +0027\n"));
  EXPECT_THAT(told, ContainsRegex("\nlimits.idle_timeout +line 10 +reload +99 seconds\n"));
  EXPECT_THAT(told, ContainsRegex("\nuntar.max_members +default +reload +10\n"));
  EXPECT_THAT(told, ContainsRegex("\nflow.chunk_size +default +restart +1048576 bytes \\(1 MiB\\)\n"));
}

TEST_F(Program, CheckTellsWhatADropboxDemands) {
  scratch_.write("s.json", "{}");
  configure("");
  std::string text = scratch_.read("dync.yaml");
  text.insert(text.find(", origin: [lab1"),
              ", required_metadata: [sample, run], schema: s.json, mode: 0770, group: 0");
  scratch_.write("dync.yaml", text);
  const Ran checked = server("check");
  if (::geteuid() != 0) {
    EXPECT_THAT(checked.output, HasSubstr("group: this user is no member of the group '0'"));
    return;
  }
  EXPECT_THAT(checked.output, AllOf(HasSubstr("metadata  must have sample, run, and fit the schema " +
                                              home().string() + "/s.json"),
                                    HasSubstr("access    directories 0770, files 0660, group 0 (id 0)")));
}

TEST_F(Program, EveryMistakeInTheConfigExits78AndNamesTheKey) {
  configure("limits: {idle_timout: 20}\n");
  for (const char* command : {"check", "", "-d"}) {
    const Ran ran = server(command);
    EXPECT_EQ(ran.code, 78) << ran.output;
    EXPECT_THAT(ran.output, AllOf(HasSubstr("dync.yaml"), HasSubstr("idle_timout")));
  }
  configure("");
  ::chmod((home() / "keys/server.key_secret").c_str(), 0644);
  const Ran secret = server("check");
  EXPECT_EQ(secret.code, 78);
  EXPECT_THAT(secret.output, HasSubstr("server.key_secret"));
}

TEST_F(Program, ASocketPathThatIsTooLongIsToldBeforeTheStart) {
  configure("runtime_dir: " + (home() / std::string(100, 'r')).string() + "\n");
  const Ran ran = server("");
  EXPECT_EQ(ran.code, 78);
  EXPECT_THAT(ran.output, AllOf(HasSubstr("runtime_dir"), HasSubstr("107")));
}

TEST_F(Program, ARuntimeDirectoryThatOthersCanEnterIsRefusedAndLeftAsItIs) {
  std::filesystem::create_directory(home() / "run");
  ::chmod((home() / "run").c_str(), 0777);
  configure("runtime_dir: " + (home() / "run").string() + "\n");
  EXPECT_EQ(server("").code, 78);
  struct stat info {};
  ::stat((home() / "run").c_str(), &info);
  EXPECT_EQ(info.st_mode & 0777U, 0777U);
}

TEST_F(Program, UsageErrorsExit2) {
  for (const char* arguments : {"--nothing", "begin", "start stop", "-c"}) {
    const Ran ran = run(std::string(DYNC_SERVER) + " " + arguments);
    EXPECT_EQ(ran.code, 2) << arguments << ran.output;
  }
  EXPECT_EQ(run(std::string(DYNC_SERVER) + " --help").code, 0);
  EXPECT_THAT(run(std::string(DYNC_SERVER) + " --version").output, HasSubstr("dync-server 2."));
}

}  // namespace
}  // namespace dync::server
