#include <fcntl.h>
#include <fstream>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/limits/limits.h"
#include "tests/unit/config/sample.h"

namespace dync::config {
namespace {

namespace fs = std::filesystem;

class NamedFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "dync-named-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& text) const { std::ofstream(root_ / name) << text; }
  // The config file's text, with one dropbox in line 5 for each of `more`.
  static std::string text(const std::vector<std::string>& more) {
    std::string all = kLeast + "  dropboxes:\n";
    for (const std::string& each : more) all += "    - {regexp: a, path: /d, " + each + "}\n";
    return all;
  }
  Config config(const std::vector<std::string>& more) const {
    Config read = parse(text(more), root_ / "d.yaml", kHome);
    read_named(read);
    return read;
  }
  // What is said, with the scratch directory as ROOT.
  std::string said(const std::vector<std::string>& more) const {
    try {
      config(more);
      return "";
    } catch (const Error& e) {
      std::string what = e.what();
      for (auto at = what.find(root_.native()); at != std::string::npos; at = what.find(root_.native()))
        what.replace(at, root_.native().size(), "ROOT");
      return what;
    }
  }

  Path root_;
};

TEST_F(NamedFiles, SchemasAreReadOnceEach) {
  write("a.json", "{}");
  write("b.json", "true");
  const Config read = config({"schema: a.json", "schema: b.json", "schema: ./a.json", "mode: 0700"});
  EXPECT_EQ(read.named.schemas,
            (std::map<Path, std::string>{{root_ / "a.json", "{}"}, {root_ / "b.json", "true"}}));
}

TEST_F(NamedFiles, ASchemaThatCannotBeReadIsToldWithItsLine) {
  EXPECT_EQ(
      said({"mode: 0700", "schema: no.json"}),
      "ROOT/d.yaml:6: storage.dropboxes[1].schema: cannot open ROOT/no.json: No such file or directory");
  fs::create_directory(root_ / "dir.json");
  EXPECT_EQ(said({"schema: dir.json"}),
            "ROOT/d.yaml:5: storage.dropboxes[0].schema: ROOT/dir.json is no regular file");
  ASSERT_EQ(::mkfifo((root_ / "fifo.json").c_str(), 0600), 0);
  EXPECT_EQ(said({"schema: fifo.json"}),
            "ROOT/d.yaml:5: storage.dropboxes[0].schema: ROOT/fifo.json is no regular file");
  write("long.json", std::string(limits::kMaxSchema + 1, ' '));
  EXPECT_EQ(said({"schema: long.json"}),
            "ROOT/d.yaml:5: storage.dropboxes[0].schema: ROOT/long.json has more than 262144 bytes; write a "
            "shorter "
            "schema");
  write("zero.json", std::string("{}\0", 3));
  EXPECT_EQ(
      said({"schema: zero.json"}),
      "ROOT/d.yaml:5: storage.dropboxes[0].schema: ROOT/zero.json holds a zero byte; save it as UTF-8 text");
}

TEST_F(NamedFiles, SchemasTogetherAreBounded) {
  std::vector<std::string> dropboxes;
  for (std::size_t i = 0; i <= limits::kMaxSchemas / limits::kMaxSchema; ++i) {
    write(std::to_string(i) + ".json", std::string(limits::kMaxSchema, ' '));
    dropboxes.push_back("schema: '" + std::to_string(i) + ".json'");
  }
  EXPECT_EQ(
      said(dropboxes),
      "ROOT/d.yaml:37: storage.dropboxes[32].schema: all schemas together have more than 8388608 bytes; "
      "shorten them");
}

TEST_F(NamedFiles, GroupsAreFoundByNameAndByNumber) {
  const ::group* mine = ::getgrgid(::getegid());
  ASSERT_NE(mine, nullptr);
  const std::string name = mine->gr_name;
  const std::string number = std::to_string(::getegid());
  const Config read = config({"group: '" + name + "'", "group: " + number});
  EXPECT_EQ(read.named.groups.at(name), ::getegid());
  EXPECT_EQ(read.named.groups.at(number), ::getegid());
}

TEST_F(NamedFiles, AnUnknownGroupIsTold) {
  EXPECT_EQ(
      said({"group: no-such-group"}),
      "ROOT/d.yaml:5: storage.dropboxes[0].group: there is no group 'no-such-group'; make it or correct the "
      "name");
}

TEST_F(NamedFiles, AGroupOfOthersIsToldBeforeTheFirstUpload) {
  const bool is_root = ::geteuid() == 0;
  if (is_root) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const std::string heard = said({"group: 54321"});
  if (is_root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  EXPECT_EQ(
      heard,
      "ROOT/d.yaml:5: storage.dropboxes[0].group: this user is no member of the group '54321' and may not "
      "give files to it; add the server's user to the group");
}

TEST_F(NamedFiles, ABundleIsReadWithoutThem) {
  write("a.json", "{\n}");
  const std::string number = std::to_string(::getegid());
  const Config read = config({"schema: a.json, group: " + number});
  const std::string all = bundle(text({"schema: a.json, group: " + number}), read.named);
  fs::remove(root_ / "a.json");
  const Config again = parse(all, root_ / "d.yaml", kHome);
  EXPECT_EQ(again.named.schemas, read.named.schemas);
  EXPECT_EQ(again.named.groups, read.named.groups);
  EXPECT_EQ(again.storage.dropboxes.at(0).schema, root_ / "a.json");
}

TEST(Bundle, OfNothingElseIsTheText) {
  EXPECT_EQ(bundle(kLeast, {}), kLeast);
}

TEST(Bundle, AZeroByteInAConfigFileIsAMistakeInIt) {
  const std::string advice =
      ": this line holds a control character or bytes that are not UTF-8; save the file as UTF-8 text";
  for (const std::string& end : {std::string("\0", 1), std::string("\0a\0b", 4),
                                 std::string("\0schema /s", 10), std::string("\0group g\0x", 10),
                                 std::string("\0group g\0"
                                             "1\0",
                                             11)})
    EXPECT_EQ(complaint(kLeast + end), "4" + advice);
}

}  // namespace
}  // namespace dync::config
