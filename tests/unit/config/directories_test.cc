#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

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
  EXPECT_EQ(said(other),
            "/etc/d.yaml:6: storage.dropboxes[0].path: " + path +
                " is on another file system than storage.tmp_dir ROOT/tmp; both must lie on one, because "
                "finished data is moved by a rename");
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
