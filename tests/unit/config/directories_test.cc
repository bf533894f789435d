#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "tests/unit/config/sample.h"

namespace dync::config {
namespace {

namespace fs = std::filesystem;

class Directories : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "dync-config-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    for (const char* each : {"tmp", "store", "drop", "keys"}) fs::create_directory(root_ / each);
  }
  void TearDown() override { fs::remove_all(root_); }

  Config config(const std::string& more = "") const {
    const std::string at = root_.native();
    return parse("storage:\n  tmp_dir: " + at + "/tmp\n  path: " + at +
                     "/store\n  dropboxes:\n    - regexp: a\n      path: " + at + "/drop\nkeys: {dir: " + at +
                     "/keys}\n" + more,
                 kFile, kHome);
  }
  // What is said, with the scratch directory as ROOT.
  std::string said(const Config& config) const {
    try {
      check_directories(config);
      return "";
    } catch (const Error& e) {
      std::string text = e.what();
      for (auto at = text.find(root_.native()); at != std::string::npos; at = text.find(root_.native())) {
        text.replace(at, root_.native().size(), "ROOT");
      }
      return text;
    }
  }

  Path root_;
};

TEST_F(Directories, AllIsWell) {
  EXPECT_EQ(said(config()), "");
}

TEST_F(Directories, MissingOnes) {
  fs::remove(root_ / "tmp");
  EXPECT_EQ(
      said(config()),
      "/etc/d.yaml:2: storage.tmp_dir: ROOT/tmp does not exist; make the directory or correct the path");
  fs::create_directory(root_ / "tmp");
  fs::remove(root_ / "drop");
  EXPECT_EQ(said(config()),
            "/etc/d.yaml:6: storage.dropboxes[0].path: ROOT/drop does not exist; make the directory or "
            "correct the path");
  fs::create_directory(root_ / "drop");
  fs::remove(root_ / "keys");
  EXPECT_EQ(said(config()),
            "/etc/d.yaml:7: keys.dir: ROOT/keys does not exist; make the directory or correct the path");
}

TEST_F(Directories, AMissingManualOnlyRefusesPassthrough) {
  Config with_manual = config();
  with_manual.storage.manual = root_ / "nowhere";
  EXPECT_EQ(said(with_manual), "");
}

TEST_F(Directories, AFileIsNone) {
  fs::remove(root_ / "drop");
  std::ofstream(root_ / "drop") << "x";
  EXPECT_EQ(said(config()), "/etc/d.yaml:6: storage.dropboxes[0].path: ROOT/drop is no directory");
}

TEST_F(Directories, OnesThatCannotBeWritten) {
  // root may write everywhere, so the test asks as somebody else.
  const bool is_root = ::geteuid() == 0;
  fs::permissions(root_, fs::perms::all);
  fs::permissions(root_ / "tmp", fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read |
                                     fs::perms::others_exec);
  if (is_root) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const std::string heard = said(config());
  if (is_root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  EXPECT_EQ(heard,
            "/etc/d.yaml:2: storage.tmp_dir: ROOT/tmp is not writable for this user: Permission denied; give "
            "the server's "
            "user rwx on it");
}

TEST_F(Directories, ADropboxOnAnotherFileSystem) {
  struct stat here {};
  struct stat there {};
  ASSERT_EQ(::stat(root_.c_str(), &here), 0);
  ASSERT_EQ(::stat("/dev/shm", &there), 0);
  Config other = config();
  other.storage.dropboxes[0].path = "/dev/shm";
  if (here.st_dev == there.st_dev) other.storage.dropboxes[0].path = "/";
  const std::string path = other.storage.dropboxes[0].path.native();
  EXPECT_EQ(
      said(other),
      "/etc/d.yaml:6: storage.dropboxes[0].path: " + path +
          " is on another file system or mount than storage.tmp_dir ROOT/tmp, and so is its parent; give "
          "the dropbox a `staging` beside it, a directory on its own file system");
}

// A tmpfs: another file system than that of the scratch directory.
class OtherFileSystem : public Directories {
 protected:
  void SetUp() override {
    Directories::SetUp();
    std::string name = "/dev/shm/dync-config-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    other_ = name;
    for (const char* each : {"box", "box/inside", "ready"}) fs::create_directory(other_ / each);
    config_ = config();
    config_.storage.dropboxes[0].path = other_ / "box";
  }
  void TearDown() override {
    fs::remove_all(other_);
    Directories::TearDown();
  }
  std::optional<Path> staging() const {
    const Dropbox& dropbox = config_.storage.dropboxes[0];
    return dropbox_staging(config_.storage.tmp_dir, dropbox.path, dropbox.staging);
  }

  Path other_;
  Config config_;
};

TEST_F(OtherFileSystem, ItemsAreMadeReadyBesideTheDropbox) {
  EXPECT_EQ(said(config_), "");
  EXPECT_EQ(staging(), other_ / ".dync-staging");
  EXPECT_EQ(dropbox_staging(root_ / "tmp", root_ / "drop", {}), std::nullopt);
  EXPECT_EQ(dropbox_staging(root_ / "tmp", root_ / "drop", other_ / "ready"), std::nullopt)
      << "tmp_dir will do";
  EXPECT_EQ(dropbox_stagings(config_.storage), std::vector<Path>{}) << "it is made when it is needed";
  fs::create_directory(other_ / ".dync-staging");
  EXPECT_EQ(dropbox_stagings(config_.storage), std::vector<Path>{other_ / ".dync-staging"});
}

TEST_F(OtherFileSystem, AStagingThatCannotBeLookedAtHidesNoOther) {
  fs::create_directory(other_ / ".dync-staging");
  fs::create_symlink("loop", root_ / "loop");
  config_.storage.dropboxes[0].staging = root_ / "loop" / "ready";
  EXPECT_THROW(dropbox_stagings(config_.storage), posix::Error);
  std::vector<Path> told;
  const auto tell = [&](const Path& at, const posix::Error&) { told.push_back(at); };
  EXPECT_EQ(dropbox_stagings(config_.storage, tell), std::vector<Path>{other_ / ".dync-staging"});
  EXPECT_EQ(told, std::vector<Path>{root_ / "loop" / "ready"});
}

TEST_F(OtherFileSystem, ADropboxThatIsALinkHasItsStagingBesideItsTarget) {
  fs::create_directory_symlink(other_ / "box", root_ / "link");
  config_.storage.dropboxes[0].path = root_ / "link";
  EXPECT_EQ(said(config_), "");
  EXPECT_EQ(staging(), other_ / ".dync-staging");
}

TEST_F(OtherFileSystem, ItsOwnStaging) {
  auto& own = config_.storage.dropboxes[0].staging;
  own = other_ / "ready";
  EXPECT_EQ(said(config_), "");
  EXPECT_EQ(staging(), other_ / "ready");
  EXPECT_EQ(dropbox_stagings(config_.storage), std::vector<Path>{other_ / "ready"});
  own = root_ / "store";
  EXPECT_EQ(said(config_),
            "/etc/d.yaml: storage.dropboxes[0].staging: ROOT/store is on another file system or mount than " +
                (other_ / "box").native() +
                "; name a directory on that one, because finished data is moved by a rename");
  own = other_ / "box" / "inside";
  EXPECT_NE(said(config_).find("lies in the dropbox"), std::string::npos);
  own = root_ / "tmp";
  EXPECT_NE(said(config_).find("is storage.tmp_dir"), std::string::npos);
  own = other_ / "nowhere";
  EXPECT_NE(said(config_).find("does not exist"), std::string::npos);
}

TEST_F(OtherFileSystem, DirectoriesForPassthroughToo) {
  fs::create_directories(other_ / "manual" / "word");
  config_.storage.dropboxes.clear();
  config_.storage.manual = other_ / "manual";
  EXPECT_EQ(said(config_), "");
  fs::create_directory_symlink("/dev/shm", root_ / "store" / "word");
  config_.storage.manual = root_ / "store";
  EXPECT_NE(said(config_).find("storage.manual: "), std::string::npos) << said(config_);
}

TEST_F(Directories, TheLedgerInsideStagingOrADropbox) {
  EXPECT_EQ(said(config("ledger: " + (root_ / "drop/l.sqlite").native() + "\n")),
            "/etc/d.yaml:8: ledger: ROOT/drop/l.sqlite lies in the dropbox ROOT/drop; put the ledger into a "
            "directory of "
            "its own");
  fs::create_directory(root_ / "tmp/deep");
  fs::create_directory_symlink(root_ / "tmp/deep", root_ / "link");
  EXPECT_EQ(said(config("ledger: " + (root_ / "link/l.sqlite").native() + "\n")),
            "/etc/d.yaml:8: ledger: ROOT/link/l.sqlite lies in storage.tmp_dir ROOT/tmp; put the ledger into "
            "a directory "
            "of its own");
}

TEST_F(Directories, ALedgerBesideADropboxOfSimilarNameIsFine) {
  fs::create_directory(root_ / "drop2");
  EXPECT_EQ(said(config("ledger: " + (root_ / "drop2/l.sqlite").native() + "\n")), "");
}

TEST_F(Directories, TheLedgerIsAFile) {
  fs::create_directory(root_ / "l");
  EXPECT_EQ(said(config("ledger: " + (root_ / "l").native() + "\n")),
            "/etc/d.yaml:8: ledger: ROOT/l is a directory; name the file in it");
}

}  // namespace
}  // namespace dync::config
