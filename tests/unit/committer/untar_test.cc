#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "schema/limits/limits.h"
#include "schema/limits/untar_exit.h"
#include "schema/names/names.h"
#include "tests/unit/committer/committer_process.h"

// What the committer does with what dync-untar leaves behind; the test plays dync-untar.
namespace dync::committer {
namespace {

using ledger::State;
using ::testing::HasSubstr;
namespace untar_exit = limits::untar_exit;

class UntarTest : public ::testing::Test {
 protected:
  void SetUp() override {
    hood_.process.start();
    sample_.filename = "archive.tar";
    sample_.metadata = R"({"untar":"True"})";
  }

  ipc::Id begin() {
    const auto opened = hood_.open(sample_).value();
    hood_.write(opened.upload, sample_.content);
    hood_.say_received(opened.upload, sample_);
    hood_.say_verdict(opened.upload, sample_);
    return opened.upload;
  }
  // The refusal that a tree gets.
  wire::Refusal refusal_of(const std::function<void(const Path&)>& fill) {
    begin();
    hood_.untar(untar_exit::kExtracted, "", fill);
    const auto failed = hood_.hear<ipc::Failed>();
    EXPECT_TRUE(std::filesystem::is_empty(hood_.process.dropbox()));
    return failed ? failed->refusal : wire::Refusal{};
  }

  static void good_tree(const Path& directory) {
    std::filesystem::create_directories(directory / "TOP" / "sub");
    std::ofstream(directory / "TOP" / "sub" / "a") << "12345";
    std::ofstream(directory / "TOP" / "b") << "1";
  }

  Neighbourhood hood_;
  Sample sample_;
};

TEST_F(UntarTest, ATreeIsPublishedUnderItsOwnNameAndItsMembersAreRecorded) {
  const ipc::Id upload = begin();
  ASSERT_TRUE(hood_.untar(untar_exit::kExtracted, "", good_tree));
  const auto committed = hood_.hear<ipc::Committed>();
  ASSERT_TRUE(committed) << hood_.process.log();
  const Path top = hood_.process.dropbox() / "TOP";
  EXPECT_EQ(committed->receipt.destination, top.string());
  EXPECT_EQ(content_of(top / "sub" / "a"), "12345");
  EXPECT_TRUE(std::filesystem::exists(hood_.process.dropbox() / ".MARKER_is_finished_TOP"));
  EXPECT_FALSE(std::filesystem::exists(top / "source_dropbox.txt"));
  const auto reader = hood_.process.reader();
  const auto members = reader.members(upload);
  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members[0].path, "TOP/b");
  EXPECT_EQ(members[1].path, "TOP/sub/a");
  EXPECT_EQ(members[1].size, 5U);
  EXPECT_EQ(digest::to_hex(members[1].sha256),
            "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5");
  EXPECT_EQ(reader.upload(upload)->clean_name, "TOP");
}

TEST_F(UntarTest, WhatIsNoArchiveIsStoredAsItIs) {
  begin();
  ASSERT_TRUE(hood_.untar(untar_exit::kNotATar, ""));
  ASSERT_TRUE(hood_.hear<ipc::Committed>());
  EXPECT_EQ(content_of(hood_.process.dropbox() / "archive.tar" / "archive.tar"), sample_.content);
}

TEST_F(UntarTest, ARefusalIsTheReportCleanedAndCut) {
  const ipc::Id upload = begin();
  ASSERT_TRUE(hood_.untar(untar_exit::kRefused, "a link\x1b[2J is in it" + std::string(1000, 'x')));
  const auto failed = hood_.hear<ipc::Failed>();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->refusal.code, wire::Code::refused);
  EXPECT_THAT(failed->refusal.sentence, HasSubstr("a link?[2J is in it"));
  EXPECT_LE(failed->refusal.sentence.size(), 300U);
  EXPECT_EQ(hood_.process.reader().upload(upload)->state, State::failed);
  EXPECT_FALSE(hood_.process.reader().row(upload)->session.kept);
}

TEST_F(UntarTest, WhatTheServerCouldNotDoKeepsTheArchive) {
  const ipc::Id upload = begin();
  ASSERT_TRUE(hood_.untar(untar_exit::kFailed, "cannot write TOP/a: Input/output error"));
  const auto failed = hood_.hear<ipc::Failed>();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->refusal.code, wire::Code::internal);
  EXPECT_THAT(failed->refusal.sentence, HasSubstr("Input/output error"));
  EXPECT_TRUE(hood_.process.reader().row(upload)->session.kept);
  hood_.process.stop();
  const Path staging = names::staging_dir(hood_.process.tmp(), upload);
  EXPECT_EQ(content_of(staging / names::kStagedData), sample_.content);
}

TEST_F(UntarTest, AnyOtherEndIsARefusalToo) {
  begin();
  ASSERT_TRUE(hood_.untar(99, ""));
  const auto failed = hood_.hear<ipc::Failed>();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->refusal.code, wire::Code::refused);
  EXPECT_THAT(failed->refusal.sentence, HasSubstr("could not be unpacked"));
}

TEST_F(UntarTest, KilledFromOutsideItRunsAgainFromAnEmptyDirectory) {
  begin();
  ASSERT_TRUE(hood_.untar(
      0, "",
      [](const Path& directory) {
        good_tree(directory);
        std::ofstream(directory / "TOP" / "half") << "1";
      },
      SIGKILL));
  ASSERT_TRUE(hood_.untar(untar_exit::kExtracted, "", good_tree));
  ASSERT_TRUE(hood_.hear<ipc::Committed>()) << hood_.process.log();
  EXPECT_FALSE(std::filesystem::exists(hood_.process.dropbox() / "TOP" / "half"));
}

TEST_F(UntarTest, WhatIsThereAtEachKillIsRefusedInTheEnd) {
  begin();
  for (int kill = 0; kill < limits::kUntarKills; ++kill) ASSERT_TRUE(hood_.untar(0, "", good_tree, SIGKILL));
  const auto failed = hood_.hear<ipc::Failed>();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->refusal.code, wire::Code::refused);
  EXPECT_TRUE(std::filesystem::is_empty(hood_.process.dropbox()));
}

TEST_F(UntarTest, ASignalOfItsOwnIsARefusal) {
  begin();
  ASSERT_TRUE(hood_.untar(0, "", good_tree, SIGSEGV));
  const auto failed = hood_.hear<ipc::Failed>();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->refusal.code, wire::Code::refused);
}

TEST_F(UntarTest, TheTreeIsCheckedAsIfAStrangerHadMadeIt) {
  EXPECT_THAT(refusal_of([](const Path& directory) {
                good_tree(directory);
                std::ofstream(directory / "second") << "x";
              }).sentence,
              HasSubstr("2 top-level entries"));
  EXPECT_THAT(refusal_of([](const Path&) {}).sentence, HasSubstr("0 top-level entries"));
  EXPECT_THAT(refusal_of([](const Path& directory) {
                good_tree(directory);
                std::filesystem::create_symlink("/etc/passwd", directory / "TOP" / "link");
              }).sentence,
              HasSubstr("neither a file nor a directory"));
  EXPECT_THAT(refusal_of([](const Path& directory) {
                good_tree(directory);
                std::filesystem::create_hard_link(directory / "TOP" / "b", directory / "TOP" / "c");
              }).sentence,
              HasSubstr("linked"));
  EXPECT_THAT(refusal_of([](const Path& directory) {
                std::filesystem::create_directory(directory / "a b");
              }).sentence,
              HasSubstr("top-level entry"));
  EXPECT_THAT(refusal_of([](const Path& directory) {
                std::filesystem::create_directory(directory / "TOP");
                for (int i = 0; i < 10; ++i) std::ofstream(directory / "TOP" / std::to_string(i)) << "x";
              }).sentence,
              HasSubstr("more than 10 entries"));
}

TEST_F(UntarTest, TheLaterOfTwoTopsIsRefused) {
  begin();
  ASSERT_TRUE(hood_.untar(untar_exit::kExtracted, "", good_tree));
  ASSERT_TRUE(hood_.hear<ipc::Committed>());
  sample_.routing_id = "connection 2";
  begin();
  ASSERT_TRUE(hood_.untar(untar_exit::kExtracted, "", good_tree));
  const auto failed = hood_.hear<ipc::Failed>();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->refusal.code, wire::Code::conflict);
}

}  // namespace
}  // namespace dync::committer
