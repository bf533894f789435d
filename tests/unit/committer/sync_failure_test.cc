#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "committer/publish.h"
#include "tests/unit/committer/temporary_directory.h"

// fsync(2) of this program: the test decides which one fails.
namespace {
std::function<bool(const std::filesystem::path&)>& sync_fails() {
  static std::function<bool(const std::filesystem::path&)> decide;
  return decide;
}
}  // namespace

extern "C" int fsync(int fd) {
  const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd));
  if (sync_fails() && sync_fails()(path)) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

namespace dync::committer {
namespace {

using ::testing::HasSubstr;

class SyncFailure : public ::testing::Test {
 protected:
  SyncFailure() {
    std::filesystem::create_directories(plan_.staging);
    std::filesystem::create_directories(plan_.dropbox);
    std::ofstream(plan_.staging / "data") << "the data";
    prepare(plan_);
  }
  ~SyncFailure() override { sync_fails() = nullptr; }

  // The Nth sync of the dropbox fails.
  void fail_dropbox(int number, const std::function<void()>& meanwhile = {}) {
    sync_fails() = [this, number, meanwhile, count = 0](const Path& path) mutable {
      if (path != plan_.dropbox || ++count != number) return false;
      if (meanwhile) meanwhile();
      return true;
    };
  }
  bool published() const { return std::filesystem::exists(plan_.dropbox / "item"); }
  bool announced() const { return std::filesystem::exists(plan_.dropbox / ".MARKER_is_finished_item"); }

  TemporaryDirectory directory_;
  Plan plan_{.upload = ledger::Id::uuid4({}),
             .staging = directory_.path() / "tmp" / ledger::Id::uuid4({}).hex(),
             .dropbox = directory_.path() / "dropbox",
             .item = "item",
             .shape = Shape::file,
             .sidecars = {{"item.sha256sum", "x"}}};
};

TEST_F(SyncFailure, OfTheItemsRenameIsUndone) {
  fail_dropbox(1);
  const Published result = publish(plan_);
  EXPECT_EQ(result.result, PublishResult::undone);
  EXPECT_THAT(result.problem, HasSubstr("sync"));
  EXPECT_FALSE(published());
  EXPECT_FALSE(announced());
  EXPECT_TRUE(std::filesystem::exists(plan_.staging / "out" / "item" / "item")) << "kept for another try";
}

TEST_F(SyncFailure, OfAnItemThatWasTakenMeanwhileIsHeld) {
  fail_dropbox(1, [this] { std::filesystem::remove_all(plan_.dropbox / "item"); });
  EXPECT_EQ(publish(plan_).result, PublishResult::held);
  EXPECT_FALSE(announced());
}

TEST_F(SyncFailure, OfTheMarkersRenameIsNoSuccessUntilItIsRenamedAnew) {
  fail_dropbox(2);
  EXPECT_EQ(publish(plan_).result, PublishResult::announced);
  EXPECT_TRUE(published());
  bool in_place = true;
  fail_dropbox(1, [&] { in_place = announced(); });
  plan_.announced = true;
  EXPECT_EQ(publish(plan_).result, PublishResult::announced);
  EXPECT_TRUE(in_place);
  sync_fails() = nullptr;
  EXPECT_EQ(publish(plan_).result, PublishResult::done);
  EXPECT_TRUE(announced());
}

TEST_F(SyncFailure, AnAnnouncedItemIsNeverTakenBack) {
  ASSERT_EQ(publish(plan_).result, PublishResult::done);
  fail_dropbox(1);
  EXPECT_EQ(publish(plan_).result, PublishResult::announced) << "a committer that replays step 7";
  EXPECT_TRUE(published());
  EXPECT_TRUE(announced());
}

TEST_F(SyncFailure, WhatWasTakenAfterTheMarkerIsDone) {
  fail_dropbox(2);
  ASSERT_EQ(publish(plan_).result, PublishResult::announced);
  std::filesystem::remove_all(plan_.dropbox / "item");
  std::filesystem::remove(plan_.dropbox / ".MARKER_is_finished_item");
  sync_fails() = nullptr;
  plan_.announced = true;
  EXPECT_EQ(publish(plan_).result, PublishResult::done);
  EXPECT_FALSE(announced());
}

TEST_F(SyncFailure, InPreparationPublishesNothing) {
  sync_fails() = [](const Path& path) { return path.filename() == "item.sha256sum"; };
  EXPECT_ANY_THROW(prepare(plan_));
  EXPECT_FALSE(published());
}

}  // namespace
}  // namespace dync::committer
