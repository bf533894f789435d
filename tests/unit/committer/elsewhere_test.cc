// Step 5 to 9 where out/ lies on another file system than staging: a copy in place of a rename.
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <sys/wait.h>
#include <unistd.h>

#include "committer/crash_points.h"
#include "committer/publish.h"
#include "committer/staging.h"
#include "proto/digest/sha256.h"
#include "proto/posix/error.h"
#include "tests/unit/committer/temporary_directory.h"

// Every run happens in a child: DYNC_CRASH_AT is read once in a process.
namespace dync::committer {
namespace {

const char* const kName = "sample.raw";
const char* const kMark = ".MARKER_is_finished_sample.raw";
const char* const kSteps[] = {crash::kElsewhere,       crash::kCopying,       crash::kCopied,
                              crash::kSidecarsWritten, crash::kMarkerWritten, crash::kPrepared,
                              crash::kItemRenamed,     crash::kItemSynced,    crash::kMarkerRenamed,
                              crash::kMarkerSynced,    crash::kEmptied,       crash::kUnstamped};
const std::string kContent(2'500'000, 'x');  // more than one piece

enum class Ended { finished, killed, failed };

digest::Digest sha256_of(const std::string& content) {
  digest::Sha256 sha256;
  sha256.update(std::as_bytes(std::span(content)));
  return sha256.value();
}

std::string content_at(const Path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::set<std::string> names_in(const Path& directory) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.insert(entry.path().filename().string());
  return names;
}

class Elsewhere : public ::testing::TestWithParam<Shape> {
 protected:
  Elsewhere() { reset(); }

  void reset() {
    std::filesystem::remove_all(directory_.path());
    std::filesystem::create_directories(plan_.dropbox);
    std::filesystem::create_directory(directory_.path() / "tmp");
    make_staging(directory_.path() / "tmp", {kLedger, plan_.upload});
    std::ofstream(plan_.staging / "data") << kContent;
    if (plan_.shape == Shape::file) return;
    std::filesystem::create_directories(plan_.staging / "extract" / kName / "sub");
    std::ofstream(plan_.staging / "extract" / kName / "sub" / "a") << kContent;
    std::ofstream(plan_.staging / "extract" / kName / "b") << "b";
  }

  Plan make() {
    ledger::Row row;
    row.upload.upload_id = ledger::Id::uuid4({std::byte{7}});
    row.upload.origin = "user1";
    row.upload.filename = "as sent.raw";
    row.upload.clean_name = kName;
    row.upload.destination = (directory_.path() / "other" / "dropbox" / kName).string();
    row.upload.metadata = "{}";
    row.upload.bytes_received = kContent.size();
    row.upload.sha256 = sha256_of(kContent);
    row.session.dropbox_staging = near();
    std::vector<ledger::Member> members;
    if (GetParam() == Shape::tree)
      members = {{std::string(kName) + "/b", 1, sha256_of("b")},
                 {std::string(kName) + "/sub/a", kContent.size(), sha256_of(kContent)}};
    return make_plan(row, directory_.path() / "tmp", GetParam(), members);
  }

  // As the recovery does.
  void remove_unmade() const {
    for (const Path& staging : {near(), directory_.path() / "tmp"}) {
      if (!std::filesystem::exists(staging)) continue;
      for (const std::string& name : names_in(staging))
        if (names::is_in_the_making(name, kLedger)) std::filesystem::remove_all(staging / name);
    }
  }

  void commit() {
    remove_unmade();
    if (!std::filesystem::exists(committing_)) {
      if (const auto refusal = prepare_elsewhere(plan_, kLedger, stop_))
        throw std::runtime_error(refusal->sentence);
      if (check_target(plan_.dropbox, plan_.item)) throw std::runtime_error("the target is taken");
      std::ofstream(committing_) << "1";
    }
    if (publish(plan_).result != PublishResult::done) throw std::runtime_error("not published");
    clean_up(*plan_.elsewhere);
    clean_up(plan_.staging);
  }

  Ended run(const std::string& crash_at) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (!crash_at.empty()) ::setenv("DYNC_CRASH_AT", crash_at.c_str(), 1);
      try {
        commit();
        ::_exit(0);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        ::_exit(1);
      }
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return Ended::killed;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? Ended::finished : Ended::failed;
  }

  Path near() const { return directory_.path() / "other" / ".dync-staging"; }
  void expect_complete() const {
    EXPECT_EQ(names_in(plan_.dropbox), (std::set<std::string>{kName, kMark}));
    const Path item = plan_.dropbox / kName;
    if (plan_.shape == Shape::tree) {
      EXPECT_EQ(names_in(item), (std::set<std::string>{"b", "sub"}));
      EXPECT_TRUE(content_at(item / "sub" / "a") == kContent);
      EXPECT_EQ(content_at(item / "b"), "b");
    } else {
      EXPECT_EQ(names_in(item).size(), 5U);
      EXPECT_TRUE(content_at(item / kName) == kContent);
      EXPECT_EQ(content_at(item / "source_dropbox.txt"), "user1");
    }
    EXPECT_TRUE(names_in(near()).empty());
    EXPECT_TRUE(names_in(directory_.path() / "tmp").empty());
  }

  static const inline ledger::Id kLedger = ledger::Id::uuid4({std::byte{1}});
  TemporaryDirectory directory_;
  std::atomic<bool> stop_{false};
  Plan plan_ = make();
  Path committing_ = directory_.path() / "committing";
};

TEST_P(Elsewhere, ACopyAndThenARenameOfTheSameFileSystem) {
  ASSERT_EQ(run(crash::kPrepared), Ended::killed);
  EXPECT_TRUE(names_in(plan_.dropbox).empty());
  EXPECT_EQ(names_in(*plan_.elsewhere), (std::set<std::string>{"out", "stamp"}));
  EXPECT_EQ(content_at(*plan_.elsewhere / "stamp"), names::format_stamp({kLedger, plan_.upload}));
  EXPECT_TRUE(content_at(plan_.staging / "data") == kContent) << "staging keeps it until it is published";
  ASSERT_EQ(run(""), Ended::finished);
  expect_complete();
}

TEST_P(Elsewhere, ACrashAtEachPointConverges) {
  for (const char* point : kSteps) {
    if (plan_.shape == Shape::tree && point == crash::kSidecarsWritten) continue;
    SCOPED_TRACE(point);
    reset();
    ASSERT_EQ(run(point), Ended::killed);
    run(point);  // once more on the way back, if it comes there again
    if (std::filesystem::exists(committing_) && !std::filesystem::exists(*plan_.elsewhere / "out")) {
      // Committed: what the next start tidies up.
      std::filesystem::remove_all(*plan_.elsewhere);
      clean_up(plan_.staging);
    } else {
      ASSERT_EQ(run(""), Ended::finished);
    }
    expect_complete();
  }
}

TEST_P(Elsewhere, WhatACrashLeftOfACopyIsThrownAway) {
  ASSERT_EQ(run(crash::kCopying), Ended::killed);
  std::ofstream(*plan_.elsewhere / "out" / kName / "stale") << "x";
  ASSERT_EQ(run(""), Ended::finished);
  expect_complete();
}

TEST_P(Elsewhere, OtherBytesThanWereVerifiedAreNotPublished) {
  const Path file =
      plan_.shape == Shape::file ? plan_.staging / "data" : plan_.staging / "extract" / kName / "sub" / "a";
  std::string spoilt = kContent;
  spoilt.back() = 'y';
  std::ofstream(file) << spoilt;
  const auto refusal = prepare_elsewhere(plan_, kLedger, stop_);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code, wire::Code::internal);
  EXPECT_FALSE(std::filesystem::exists(*plan_.elsewhere / "out"));
}

TEST_P(Elsewhere, AMemberTooMuchOrTooFewIsNotPublished) {
  if (plan_.shape == Shape::file) return;
  std::ofstream(plan_.staging / "extract" / kName / "c") << "c";
  EXPECT_TRUE(prepare_elsewhere(plan_, kLedger, stop_));
  std::filesystem::remove(plan_.staging / "extract" / kName / "c");
  std::filesystem::remove(plan_.staging / "extract" / kName / "b");
  EXPECT_TRUE(prepare_elsewhere(plan_, kLedger, stop_));
}

TEST_P(Elsewhere, AStopEndsACopyAndLeavesNothingOfIt) {
  stop_ = true;
  EXPECT_THROW(prepare_elsewhere(plan_, kLedger, stop_), posix::Error);
  EXPECT_FALSE(std::filesystem::exists(*plan_.elsewhere / "out"));
  EXPECT_TRUE(content_at(plan_.staging / "data") == kContent);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Elsewhere, ::testing::Values(Shape::file, Shape::tree),
                         [](const auto& shape) { return shape.param == Shape::file ? "File" : "Tree"; });

}  // namespace
}  // namespace dync::committer
