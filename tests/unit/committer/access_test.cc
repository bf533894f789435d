// Mode and group of what is published, whatever the umask is.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <sys/stat.h>
#include <unistd.h>

#include "committer/publish.h"
#include "committer/staging.h"
#include "committer/tree.h"
#include "tests/unit/committer/temporary_directory.h"

namespace dync::committer {
namespace {

namespace fs = std::filesystem;

mode_t mode_of(const Path& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777U;
}

gid_t group_of(const Path& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_gid;
}

// A group that files don't get by themselves, where this user may give them to one.
gid_t other_group() {
  return ::geteuid() == 0 ? 54321 : ::getegid();
}

class AccessTest : public testing::Test {
 protected:
  AccessTest() : umask_(::umask(0077)) {
    for (const char* name : {"tmp", "dropbox"}) fs::create_directory(directory_.path() / name);
  }
  ~AccessTest() override { ::umask(umask_); }

  ledger::Row row() const {
    ledger::Row row;
    row.upload.upload_id = ledger::Id::uuid4({});
    row.upload.clean_name = "a.raw";
    row.upload.destination = (directory_.path() / "dropbox" / "a.raw").string();
    row.upload.metadata = "{}";
    row.upload.sha256 = ledger::Digest{};
    return row;
  }
  // What is in the dropbox and below, by name.
  std::map<std::string, mode_t> publish(const ledger::Row& row) const {
    const Plan plan = make_plan(row, directory_.path() / "tmp", Shape::file);
    make_staging(directory_.path() / "tmp", {.ledger = {}, .upload = row.upload.upload_id});
    prepare(plan);
    EXPECT_EQ(committer::publish(plan).result, PublishResult::done);
    std::map<std::string, mode_t> modes;
    for (const auto& entry : fs::recursive_directory_iterator(plan.dropbox))
      modes[entry.path().filename()] = mode_of(entry.path());
    return modes;
  }

  TemporaryDirectory directory_;
  mode_t umask_;
};

TEST_F(AccessTest, WithoutAWishTheUmaskCounts) {
  const auto modes = publish(row());
  EXPECT_EQ(modes.at("a.raw.sha256sum"), 0600U);
  EXPECT_EQ(modes.at(".MARKER_is_finished_a.raw"), 0600U);
  EXPECT_EQ(mode_of(directory_.path() / "dropbox" / "a.raw"), 0700U);
}

TEST_F(AccessTest, ItemSidecarsAndMarkerAreOpenToTheGroup) {
  ledger::Row wanted = row();
  wanted.session.mode = 0770;
  wanted.session.group_id = other_group();
  const auto modes = publish(wanted);
  const Path dropbox = directory_.path() / "dropbox";
  EXPECT_EQ(mode_of(dropbox / "a.raw"), 0770U);
  EXPECT_EQ(modes.size(), 6U) << "the item and its data have one name; four sidecars, marker";
  for (const char* file :
       {"a.raw/a.raw", "a.raw/a.raw.sha256sum", "a.raw/a.raw.origlabfilename", "a.raw/a.raw.metadata.json",
        "a.raw/source_dropbox.txt", ".MARKER_is_finished_a.raw"}) {
    EXPECT_EQ(mode_of(dropbox / file), 0660U) << file;
    EXPECT_EQ(group_of(dropbox / file), other_group()) << file;
  }
  EXPECT_EQ(group_of(dropbox / "a.raw"), other_group());
}

TEST_F(AccessTest, ATreeIsOpenedAllTheWayDown) {
  const Path staging = directory_.path() / "tmp";
  fs::create_directories(staging / "extract" / "top" / "sub");
  std::ofstream(staging / "extract" / "top" / "sub" / "data") << "x";
  std::ofstream(staging / "extract" / "top" / "run.sh") << "x";
  ::chmod((staging / "extract" / "top" / "run.sh").c_str(), 0700);
  const config::Untar limits{.max_members = 10, .max_bytes = 100, .max_ratio = 200};
  const rules::Access access{.mode = 0750, .group = other_group()};
  ASSERT_TRUE(std::holds_alternative<Tree>(check_tree(staging, limits, access)));
  const Path top = staging / "extract" / "top";
  for (const Path& path : {top, top / "sub"}) EXPECT_EQ(mode_of(path), 0750U) << path;
  for (const Path& path : {top / "run.sh", top / "sub" / "data"}) EXPECT_EQ(mode_of(path), 0640U) << path;
  for (const Path& path : {top, top / "sub", top / "run.sh", top / "sub" / "data"})
    EXPECT_EQ(group_of(path), other_group()) << path;
}

TEST_F(AccessTest, AGroupThatIsRefusedFailsBeforeAnythingIsPublished) {
  const bool is_root = ::geteuid() == 0;  // whom nothing is refused, so it asks as somebody else
  for (const Path& path : {directory_.path(), directory_.path() / "tmp", directory_.path() / "dropbox"})
    fs::permissions(path, fs::perms::all);
  ledger::Row wanted = row();
  wanted.session.group_id = 54321;
  if (is_root) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  EXPECT_ANY_THROW(publish(wanted));
  if (is_root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  EXPECT_TRUE(fs::is_empty(directory_.path() / "dropbox"));
}

}  // namespace
}  // namespace dync::committer
