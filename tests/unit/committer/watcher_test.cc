#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "committer/publish.h"
#include "tests/unit/committer/dropbox_watcher.h"
#include "tests/unit/committer/temporary_directory.h"

// What a consumer sees of the dropbox while uploads are published.
namespace dync::committer {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::size_t kUploads = 500;

class WatcherTest : public ::testing::Test {
 protected:
  WatcherTest() { std::filesystem::create_directory(dropbox_); }

  Plan plan_for(std::size_t number, Shape shape) const {
    const std::string item = "item" + std::to_string(number % 7);
    Plan plan{.upload = ledger::Id::uuid4({}),
              .staging = directory_.path() / "tmp" / ledger::Id::uuid4({}).hex(),
              .dropbox = dropbox_,
              .item = item,
              .shape = shape,
              .sidecars = {}};
    if (shape == Shape::file)
      plan.sidecars = {
          {item + ".sha256sum", "1"}, {item + ".metadata.json", "2"}, {"source_dropbox.txt", "3"}};
    return plan;
  }

  static void stage(const Plan& plan) {
    const bool file = plan.shape == Shape::file;
    const Path tree = plan.staging / "extract" / plan.item;
    std::filesystem::create_directories(file ? plan.staging : tree);
    if (file) {
      std::ofstream(plan.staging / "data") << "the data";
      return;
    }
    for (const char* name : {"a", "b", "c", "d"}) std::ofstream(tree / name) << "the data";
  }

  // As a consumer does: the marker first, then the item in one step.
  void take(const Plan& plan) {
    std::filesystem::remove(dropbox_ / (".MARKER_is_finished_" + plan.item));
    std::filesystem::rename(dropbox_ / plan.item, directory_.path() / "taken");
    std::filesystem::remove_all(directory_.path() / "taken");
  }

  void run(Shape shape) {
    DropboxWatcher watcher(dropbox_, 4);
    for (std::size_t i = 0; i < kUploads; ++i) {
      const Plan plan = plan_for(i, shape);
      stage(plan);
      prepare(plan);
      ASSERT_FALSE(check_target(plan.dropbox, plan.item));
      ASSERT_EQ(publish(plan).result, PublishResult::done);
      clean_up(plan.staging);
      watcher.expect(i + 1);
      take(plan);
    }
    EXPECT_THAT(watcher.stop(), IsEmpty());
  }

  TemporaryDirectory directory_;
  Path dropbox_ = directory_.path() / "dropbox";
};

TEST_F(WatcherTest, AFileIsNeverSeenHalfNorItsMarkerEarly) {
  run(Shape::file);
}

TEST_F(WatcherTest, ATreeIsNeverSeenHalfNorItsMarkerEarly) {
  run(Shape::tree);
}

TEST_F(WatcherTest, APlantedEarlyMarkerIsCaught) {
  DropboxWatcher watcher(dropbox_, 4);
  std::ofstream(dropbox_ / ".MARKER_is_finished_item") << "";
  std::filesystem::create_directory(dropbox_ / "item");
  watcher.expect(1);
  EXPECT_THAT(watcher.stop(), Not(IsEmpty()));
}

TEST_F(WatcherTest, APlantedHalfItemIsCaught) {
  DropboxWatcher watcher(dropbox_, 4);
  std::filesystem::create_directory(dropbox_ / "item");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (watcher.problems() == 0) ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "it was not seen";
  EXPECT_THAT(watcher.stop(), Not(IsEmpty()));
}

}  // namespace
}  // namespace dync::committer
