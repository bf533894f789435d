#include "committer/publish.h"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <sys/wait.h>
#include <unistd.h>

#include "committer/crash_points.h"
#include "proto/posix/error.h"
#include "tests/unit/committer/temporary_directory.h"

// Every run of the commit happens in a child: DYNC_CRASH_AT is read once in a process.
namespace dync::committer {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const char* const kItem = "QQBIC001AH.raw";
const char* const kMarker = ".MARKER_is_finished_QQBIC001AH.raw";
const char* const kPoints[] = {
    crash::kOutMade,     crash::kDataMoved,  crash::kSidecarsWritten, crash::kMarkerWritten, crash::kPrepared,
    crash::kItemRenamed, crash::kItemSynced, crash::kMarkerRenamed,   crash::kMarkerSynced,  crash::kCleaned};

enum class End { finished, killed, failed };

// What the committer does from `verified`, with the ledger's part played by the flag `committing`.
void commit(const Plan& plan, bool& committing, const std::function<void()>& record) {
  if (!committing) {
    prepare(plan);
    if (check_target(plan.dropbox, plan.item)) throw std::runtime_error("the target is taken");
    record();
  }
  if (publish(plan).result != PublishResult::done) throw std::runtime_error("not published");
  clean_up(plan.staging);
}

class PublishTest : public ::testing::TestWithParam<Shape> {
 protected:
  PublishTest() { reset(); }

  void reset() {
    std::filesystem::remove_all(directory_.path());
    std::filesystem::create_directories(plan_.staging);
    std::filesystem::create_directories(plan_.dropbox);
    if (plan_.shape == Shape::file) {
      std::ofstream(plan_.staging / "data") << "the data";
    } else {
      std::filesystem::create_directories(plan_.staging / "extract" / kItem / "sub");
      std::ofstream(plan_.staging / "extract" / kItem / "sub" / "a") << "the data";
    }
  }

  End run(const std::string& crash_at) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (!crash_at.empty()) ::setenv("DYNC_CRASH_AT", crash_at.c_str(), 1);
      ::_exit(run_here());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return End::killed;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? End::finished : End::failed;
  }

  int run_here() {
    try {
      bool committing = std::filesystem::exists(committing_);
      commit(plan_, committing, [&] { std::ofstream(committing_) << "1"; });
      return 0;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      return 1;
    }
  }

  std::set<std::string> in_dropbox() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(plan_.dropbox))
      names.insert(entry.path().filename().string());
    return names;
  }

  bool complete() const {
    const Path item = plan_.dropbox / kItem;
    if (plan_.shape == Shape::tree) return content(item / "sub" / "a") == "the data";
    return content(item / kItem) == "the data" &&
           content(item / (std::string(kItem) + ".sha256sum")) == std::string(64, '0') + "\t" + kItem &&
           content(item / (std::string(kItem) + ".origlabfilename")) == "as sent.raw" &&
           content(item / (std::string(kItem) + ".metadata.json")) == R"({ "a" : 1 })" &&
           content(item / "source_dropbox.txt") == "user1";
  }

  static std::string content(const Path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  Plan make() {
    ledger::Upload upload;
    upload.upload_id = ledger::Id::uuid4({});
    upload.origin = "user1";
    upload.filename = "as sent.raw";
    upload.clean_name = kItem;
    upload.destination = (directory_.path() / "dropbox" / kItem).string();
    upload.metadata = R"({ "a" : 1 })";
    upload.sha256 = ledger::Digest{};
    return make_plan({.upload = upload, .session = {}}, directory_.path() / "tmp", GetParam());
  }

  TemporaryDirectory directory_;
  Plan plan_ = make();
  Path committing_ = directory_.path() / "committing";
};

TEST_P(PublishTest, TheItemAndItsMarkerAndNothingElse) {
  ASSERT_EQ(run(""), End::finished);
  EXPECT_TRUE(complete());
  EXPECT_EQ(in_dropbox(), (std::set<std::string>{kItem, kMarker}));
  EXPECT_EQ(content(plan_.dropbox / kMarker), "");
  EXPECT_FALSE(std::filesystem::exists(plan_.staging));
}

TEST_P(PublishTest, ACrashAtEachPointConverges) {
  for (const char* point : kPoints) {
    SCOPED_TRACE(point);
    reset();
    if (plan_.shape == Shape::tree && point == crash::kSidecarsWritten) continue;
    ASSERT_EQ(run(point), End::killed);
    if (!std::filesystem::exists(plan_.staging)) continue;  // nothing is left to be done
    ASSERT_EQ(run(""), End::finished);
    EXPECT_TRUE(complete());
    EXPECT_EQ(in_dropbox(), (std::set<std::string>{kItem, kMarker}));
  }
}

TEST_P(PublishTest, ACrashInTheReplayConvergesToo) {
  for (const char* first : kPoints)
    for (const char* second : kPoints) {
      SCOPED_TRACE(std::string(first) + ", then " + second);
      reset();
      run(first);
      if (std::filesystem::exists(plan_.staging)) run(second);
      if (std::filesystem::exists(plan_.staging)) {
        ASSERT_EQ(run(""), End::finished);
      }
      EXPECT_TRUE(complete());
      EXPECT_EQ(in_dropbox(), (std::set<std::string>{kItem, kMarker}));
    }
}

TEST_P(PublishTest, AnItemTakenBeforeItsMarkerIsSuccessWithoutAMarker) {
  for (const char* point : {crash::kItemRenamed, crash::kItemSynced}) {
    SCOPED_TRACE(point);
    reset();
    ASSERT_EQ(run(point), End::killed);
    ASSERT_TRUE(complete());
    std::filesystem::remove_all(plan_.dropbox / kItem);
    ASSERT_EQ(run(""), End::finished);
    EXPECT_THAT(in_dropbox(), IsEmpty());
  }
}

TEST_P(PublishTest, WhatAConsumerTookIsNeverPublishedAgain) {
  for (const char* point : {crash::kMarkerRenamed, crash::kMarkerSynced}) {
    for (const bool marker_too : {false, true}) {
      SCOPED_TRACE(point);
      reset();
      ASSERT_EQ(run(point), End::killed);
      std::filesystem::remove_all(plan_.dropbox / kItem);
      if (marker_too) std::filesystem::remove(plan_.dropbox / kMarker);
      ASSERT_EQ(run(""), End::finished);
      EXPECT_EQ(in_dropbox().size(), marker_too ? 0U : 1U);
      EXPECT_FALSE(std::filesystem::exists(plan_.dropbox / kItem));
    }
  }
}

TEST_P(PublishTest, ATargetThatAppearedIsNotReplaced) {
  ASSERT_EQ(run(crash::kPrepared), End::killed);
  std::ofstream(committing_) << "1";
  std::filesystem::create_directories(plan_.dropbox / kItem);
  EXPECT_EQ(run(""), End::failed) << "it is an error that may be tried again";
  EXPECT_THAT(in_dropbox(), ::testing::ElementsAre(kItem));
  std::filesystem::remove(plan_.dropbox / kItem);
  EXPECT_EQ(run(""), End::finished);
  EXPECT_TRUE(complete());
}

TEST_P(PublishTest, TargetChecks) {
  EXPECT_FALSE(check_target(plan_.dropbox, kItem));
  std::ofstream(plan_.dropbox / kMarker) << "";
  const auto marker = check_target(plan_.dropbox, kItem);
  ASSERT_TRUE(marker);
  EXPECT_EQ(marker->code, wire::Code::conflict);
  EXPECT_THAT(marker->sentence, HasSubstr("marker"));
  std::filesystem::create_symlink("nowhere", plan_.dropbox / kItem);
  const auto taken = check_target(plan_.dropbox, kItem);
  ASSERT_TRUE(taken) << "a dangling link is something, too";
  EXPECT_THAT(taken->sentence, HasSubstr("exists already"));
}

TEST_P(PublishTest, WithoutDataItIsAnErrorThatNamesTheUpload) {
  std::filesystem::remove_all(plan_.staging / "data");
  std::filesystem::remove_all(plan_.staging / "extract");
  EXPECT_EQ(run(""), End::failed);
  EXPECT_THAT(in_dropbox(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Shapes, PublishTest, ::testing::Values(Shape::file, Shape::tree),
                         [](const auto& shape) { return shape.param == Shape::file ? "file" : "tree"; });

}  // namespace
}  // namespace dync::committer
