// The real dync-admin against a ledger that the test writes.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "ops/admin/options.h"
#include "ops/admin/text.h"
#include "proto/posix/process.h"
#include "schema/ledger/writer.h"
#include "schema/names/names.h"
#include "schema/run_file/run_file.h"

namespace dync::admin {
namespace {

using namespace std::chrono_literals;
using ledger::State;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct Ran {
  int code;
  std::string out, err;
};

std::string read(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

bool await(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

ledger::Id id_of(const std::string& beginning) {
  return ledger::Id::from_hex(beginning + std::string(32 - beginning.size(), '0')).value();
}

class Admin : public testing::Test {
 protected:
  Admin() {
    std::string name = (std::filesystem::temp_directory_path() / "dync-admin-test-XXXXXX").string();
    home_ = ::mkdtemp(name.data());
    for (const char* directory : {"staging", "store", "box"})
      std::filesystem::create_directory(home_ / directory);
    const std::string at = home_.string();
    std::ofstream(home_ / "dync.yaml") << "storage:\n  tmp_dir: " << at << "/staging\n  path: " << at
                                       << "/store\n  dropboxes: [{regexp: '.*', path: " << at << "/box}]\n";
  }
  ~Admin() override {
    writer_.reset();
    std::filesystem::remove_all(home_);
  }

  std::filesystem::path ledger() const { return home_ / "store" / names::kLedger; }
  ledger::Writer& writer() {
    if (!writer_) writer_ = std::make_unique<ledger::Writer>(ledger());
    return *writer_;
  }
  void add(const std::string& id, const std::string& user, const std::string& name) {
    ledger::Upload upload;
    upload.upload_id = id_of(id);
    upload.origin = user;
    upload.filename = name;
    upload.clean_name = "clean" + id;
    upload.destination = "/box/clean" + id;
    upload.metadata = R"({"sample":"S17"})";
    ledger::Session session;
    session.routing_id = id;
    ledger::Batch batch(writer());
    writer().add(upload, session);
    writer().add_event(upload.upload_id, "committer", "opened", R"({"chunk_size":1})");
    batch.commit();
  }
  void event(const std::string& name) {
    ledger::Batch batch(writer());
    writer().add_event(std::nullopt, "committer", name, "{}");
    batch.commit();
  }
  Ran run(const std::string& arguments) const {
    const std::string out = home_ / "out";
    const std::string err = home_ / "err";
    const std::string command = std::string(DYNC_ADMIN) + " -c " + (home_ / "dync.yaml").string() + " " +
                                arguments + " >" + out + " 2>" + err;
    const int status = std::system(command.c_str());
    return {posix::exit_of(status).code, read(out), read(err)};
  }
  json run_json(const std::string& arguments) const {
    const Ran ran = run("--json " + arguments);
    EXPECT_EQ(ran.code, 0) << ran.err;
    return json::parse(ran.out, nullptr, false);
  }

  std::filesystem::path home_;
  std::unique_ptr<ledger::Writer> writer_;
};

TEST_F(Admin, UploadsAreFilteredAndNewestFirst) {
  add("aa1", "lab1", "first.raw");
  add("bb2", "lab2", "second.raw");
  add("cc3", "lab1", "third.raw");
  {
    ledger::Batch batch(writer());
    writer().set_ended(id_of("bb2"), State::failed, 422, "checksum mismatch; send the file again", false);
    batch.commit();
  }
  const auto names = [](const json& uploads) {
    std::vector<std::string> all;
    for (const auto& upload : uploads) all.push_back(upload.at("filename"));
    return all;
  };
  EXPECT_THAT(names(run_json("uploads")), ElementsAre("third.raw", "second.raw", "first.raw"));
  EXPECT_THAT(names(run_json("uploads --origin lab1")), ElementsAre("third.raw", "first.raw"));
  EXPECT_THAT(names(run_json("uploads --state failed")), ElementsAre("second.raw"));
  EXPECT_THAT(names(run_json("uploads --limit 1")), ElementsAre("third.raw"));
  EXPECT_THAT(names(run_json("uploads --since 2999-01-01")), ElementsAre());
  EXPECT_THAT(names(run_json("uploads --since 2020-01-01T00:00:00+02:00")).size(), 3U);
  const Ran text = run("uploads");
  EXPECT_THAT(text.out,
              AllOf(HasSubstr(id_of("aa1").hex()), HasSubstr("failed 422"), HasSubstr("third.raw")));
  EXPECT_EQ(run("uploads --origin nobody").out, "no such uploads\n");
  EXPECT_EQ(run_json("uploads --origin nobody"), json::array());
}

TEST_F(Admin, NamesAreWholeAndColumnsLineUp) {
  const std::string name = std::string(180, 'n') + ".raw";
  add("aa1", "lab1", name);
  add("bb2", "a_user_with_a_long_name", "short.raw");
  std::istringstream lines(run("uploads").out);
  std::string head, first, second;
  std::getline(lines, head);
  std::getline(lines, first);
  std::getline(lines, second);
  EXPECT_EQ(head.find("FILENAME"), first.find("short.raw"));
  EXPECT_EQ(head.find("FILENAME"), second.find(name));
}

TEST_F(Admin, ColumnsOfJsonAreTheLedgers) {
  add("aa1", "lab1", "first.raw");
  const json upload = run_json("uploads").at(0);
  std::vector<std::string> keys;
  for (const auto& [key, value] : upload.items()) keys.push_back(key);
  EXPECT_THAT(keys, testing::UnorderedElementsAre("upload_id", "origin", "filename", "clean_name",
                                                  "destination", "metadata", "untar", "size_declared",
                                                  "bytes_received", "sha256", "state", "error_code", "error",
                                                  "created_at", "updated_at", "finished_at", "waits_seconds",
                                                  "durable_bytes", "expires_in_seconds"));
  EXPECT_TRUE(upload.at("sha256").is_null());
  EXPECT_EQ(upload.at("state"), "receiving");
}

TEST_F(Admin, APartialThatWaitsForItsClientIsSeen) {
  add("aa1", "lab1", "served.raw");
  add("bb2", "lab1", "waiting.raw");
  {
    ledger::Batch batch(writer());
    writer().set_parked(id_of("bb2"), 1, 12345);
    writer().set_waited(id_of("bb2"), 61);
    batch.commit();
  }
  EXPECT_THAT(run("uploads").out, AllOf(HasSubstr("12.3 kB  receiving (waits, 6 d left)  waiting.raw"),
                                        HasSubstr("receiving                    served.raw")));
  EXPECT_THAT(run("uploads --state receiving").out, HasSubstr("waiting.raw"));
  EXPECT_THAT(run("show bb2").out, AllOf(HasSubstr("for its client since 2"), HasSubstr("61 s while"),
                                         HasSubstr("expires after 6 d more")));
  EXPECT_THAT(run("show aa1").out, Not(HasSubstr("for its client")));
  EXPECT_EQ(run_json("show bb2").at("waits_seconds"), 61);
  EXPECT_EQ(run_json("show bb2").at("durable_bytes"), 12345);
  EXPECT_EQ(run_json("show bb2").at("expires_in_seconds"), 7 * 24 * 3600 - 61);
  EXPECT_EQ(run_json("show bb2").at("state"), "receiving");
  EXPECT_TRUE(run_json("show aa1").at("waits_seconds").is_null());
}

TEST_F(Admin, KeptDataThatWaitsForTheOperatorIsSeen) {
  add("aa1", "lab1", "kept.raw");
  {
    ledger::Batch batch(writer());
    writer().set_ended(id_of("aa1"), ledger::State::failed, 500, "why", true);
    writer().set_waited(id_of("aa1"), 61);
    batch.commit();
  }
  EXPECT_THAT(run("show aa1").out, AllOf(HasSubstr("for the operator since 2"), HasSubstr("6 d more")));
  EXPECT_EQ(run_json("show aa1").at("expires_in_seconds"), 7 * 24 * 3600 - 61);
}

TEST_F(Admin, ShowTakesAnyUniqueBeginning) {
  add("abc1", "lab1", "first.raw");
  add("abd2", "lab1", "second.tar");
  {
    ledger::Batch batch(writer());
    const std::vector<ledger::Member> members = {{"run/a.dat", 1234567, {}}};
    writer().set_members(id_of("abd2"), members);
    writer().add_event(id_of("abd2"), "hasher", "progress", R"({"percent":50})");
    batch.commit();
  }
  const json shown = run_json("show abd");
  EXPECT_EQ(shown.at("filename"), "second.tar");
  EXPECT_EQ(shown.at("members").at(0).at("path"), "run/a.dat");
  EXPECT_EQ(shown.at("members").at(0).at("size"), 1234567);
  ASSERT_EQ(shown.at("events").size(), 2U);
  EXPECT_EQ(shown.at("events").at(1).at("detail").at("percent"), 50);
  const Ran text = run("show " + id_of("abc1").hex());
  EXPECT_EQ(text.code, 0);
  EXPECT_THAT(text.out, AllOf(HasSubstr("first.raw"), HasSubstr("receiving"), HasSubstr("opened"),
                              HasSubstr(R"({"sample":"S17"})")));
  const Ran several = run("show ab");
  EXPECT_EQ(several.code, 1);
  EXPECT_THAT(several.err, AllOf(HasSubstr(id_of("abc1").hex()), HasSubstr(id_of("abd2").hex())));
  const Ran none = run("show ff");
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, HasSubstr("no upload has an id that begins with ff"));
  EXPECT_EQ(none.out, "");
}

TEST_F(Admin, WhatAClientWroteCannotSteerATerminal) {
  add("aa1", "lab1", "evil\x1b[2J\n\u202egpj.raw\x9b");
  for (const char* command :
       {"uploads", "show aa1", "--json uploads", "--json show aa1", "events", "status"}) {
    const Ran ran = run(command);
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.out, AllOf(Not(HasSubstr("\x1b")), Not(HasSubstr("\u202e")), Not(HasSubstr("\x9b"))))
        << command;
  }
  EXPECT_THAT(run("uploads").out, HasSubstr(R"(evil\x1b[2J\x0a\u202egpj.raw\x9b)"));
}

TEST_F(Admin, EventsAreTheLastOnesOldestFirst) {
  for (int i = 1; i <= 60; ++i) event("e" + std::to_string(i));
  const json events = run_json("events --limit 3");
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events.at(0).at("event"), "e58");
  EXPECT_EQ(events.at(2).at("event"), "e60");
  EXPECT_EQ(run_json("events").size(), 50U);
  EXPECT_THAT(run("events --limit 1").out, HasSubstr("  committer  e60"));
}

TEST_F(Admin, FollowMissesAndDoublesNothing) {
  event("old1");
  event("old2");
  const std::string out = home_ / "followed";
  const int file = ::open(out.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const pid_t child = posix::spawn(
      DYNC_ADMIN, {"dync-admin", "-c", home_ / "dync.yaml", "--json", "events", "--follow", "--limit", "1"},
      {{file, 1}});
  ::close(file);
  ASSERT_TRUE(await([&] { return read(out).find("old2") != std::string::npos; }));
  constexpr int kEvents = 2500;  // more than one answer of the ledger holds
  {
    ledger::Batch batch(writer());
    for (int i = 0; i < kEvents; ++i) writer().add_event(std::nullopt, "committer", "many", "{}");
    batch.commit();
  }
  for (int i = 0; i < 20; ++i) event("single");
  event("last");
  EXPECT_TRUE(await([&] { return read(out).find("\"last\"") != std::string::npos; }));
  ::kill(child, SIGTERM);
  ::waitpid(child, nullptr, 0);
  std::istringstream lines(read(out));
  std::int64_t seq = 0;
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const json object = json::parse(line);
    EXPECT_TRUE(seq == 0 || object.at("seq") == seq + 1) << seq << " then " << line;
    seq = object.at("seq");
  }
  EXPECT_EQ(count, 1 + kEvents + 20 + 1);
}

TEST_F(Admin, FollowEndsWhenNobodyReads) {
  event("old");
  const Ran ran = run("events --follow | head -n 1");
  EXPECT_THAT(ran.code, 0);
  // `head` gave its output to the file; the pipe's writer has ended, or this test would not have come here.
}

TEST_F(Admin, StatusWithoutAServer) {
  add("aa1", "lab1", "first.raw");
  const Ran text = run("status");
  EXPECT_EQ(text.code, 0);
  EXPECT_THAT(text.out, AllOf(HasSubstr("not running"), HasSubstr("receiving"), HasSubstr("opened")));
  const json status = run_json("status");
  EXPECT_EQ(status.at("server").at("running"), false);
  EXPECT_EQ(status.at("states").at("receiving").at("uploads"), 1);
  EXPECT_EQ(status.at("states").at("committed").at("uploads"), 0);
  EXPECT_EQ(status.at("last_event").at("event"), "opened");
}

TEST_F(Admin, StatusBelievesTheLockAndNotTheFile) {
  event("started");
  const auto file = names::run_file(ledger());
  std::ofstream(file) << run_file::format({.pid = 1,
                                           .runtime_dir = "/run/x",
                                           .address = "tcp://127.0.0.1:4711",
                                           .started_at = "2026-01-31T09:15:02.123Z",
                                           .started_boot = 1});
  EXPECT_EQ(run_json("status").at("server").at("running"), false);
  const int fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  ASSERT_EQ(::fcntl(fd, F_SETLK, &lock), 0);
  const json server = run_json("status").at("server");
  EXPECT_EQ(server.at("running"), true);
  EXPECT_EQ(server.at("pid"), ::getpid());
  EXPECT_EQ(server.at("address"), "tcp://127.0.0.1:4711");
  EXPECT_THAT(run("status").out, AllOf(HasSubstr("running, pid"), HasSubstr("tcp://127.0.0.1:4711")));
  ::close(fd);
}

TEST_F(Admin, StoppedServerAndReadPermissionAloneAreEnough) {
  add("aa1", "lab1", "first.raw");
  writer_.reset();
  for (const auto& path : {home_, home_ / "store"}) ::chmod(path.c_str(), path == home_ ? 0755 : 0555);
  for (const auto& entry : std::filesystem::directory_iterator(home_ / "store"))
    ::chmod(entry.path().c_str(), 0444);
  ::chmod((home_ / "dync.yaml").c_str(), 0444);
  // root may always write: as nobody, then.
  const std::string as_reader = ::geteuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : "";
  const std::string out = home_ / "out";
  const int status = std::system(
      (as_reader + DYNC_ADMIN + " -c " + (home_ / "dync.yaml").string() + " --json uploads >" + out + " 2>&1")
          .c_str());
  ::chmod((home_ / "store").c_str(), 0755);
  EXPECT_EQ(posix::exit_of(status).code, 0) << read(out);
  EXPECT_THAT(read(out), HasSubstr("first.raw"));
}

TEST_F(Admin, WhoMayNotReadTheLedgerIsTold) {
  add("aa1", "lab1", "first.raw");
  ::chmod(home_.c_str(), 0755);
  ::chmod((home_ / "dync.yaml").c_str(), 0444);
  ::chmod(ledger().c_str(), 0200);
  const std::string as_stranger =
      ::geteuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : "";
  const std::string out = home_ / "out";
  const int status = std::system(
      (as_stranger + DYNC_ADMIN + " -c " + (home_ / "dync.yaml").string() + " status >" + out + " 2>&1")
          .c_str());
  EXPECT_EQ(posix::exit_of(status).code, 1);
  EXPECT_EQ(read(out), "dync-admin: cannot read the ledger " + ledger().string() + ": Permission denied\n");
}

TEST_F(Admin, ProblemsAreOneSentence) {
  const Ran none = run("uploads");
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err, AllOf(HasSubstr("there is no ledger at"), HasSubstr(ledger().string())));
  std::ofstream(ledger())
      << "this is no database, but it is long enough to be taken for one by its size alone";
  const Ran broken = run("uploads");
  EXPECT_EQ(broken.code, 1);
  EXPECT_THAT(broken.err, HasSubstr(ledger().string()));
  std::ofstream(home_ / "dync.yaml") << "storage: 3\n";
  EXPECT_EQ(run("status").code, 78);
  std::filesystem::remove(home_ / "dync.yaml");
  const Ran missing = run("status");
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("dync.yaml"));
}

TEST_F(Admin, UsageErrorsExit2) {
  event("started");
  for (const char* arguments :
       {"", "nothing", "uploads --state lost", "uploads --since yesterday", "uploads --since 2026-02-30",
        "show", "show xyz", "uploads --limit 0", "uploads --limit many", "events --follows", "status extra"})
    EXPECT_EQ(run(arguments).code, 2) << arguments;
  EXPECT_EQ(run("--help").code, 0);
  EXPECT_THAT(run("--version").out, HasSubstr("dync-admin 2."));
  EXPECT_THAT(run("uploads --state lost").err, HasSubstr("committed")) << "the states are told";
}

}  // namespace
}  // namespace dync::admin
