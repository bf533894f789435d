#include "proto/keys/key_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/posix/error.h"
#include "tests/unit/keys/files.h"
#include "tests/unit/temporary_directory.h"

namespace dync::keys {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class KeyRingTest : public testing::Test {
 protected:
  dync::tests::TemporaryDirectory clients_;
  Certificate anna_ = generate("anna");
  Certificate bert_ = generate("bert");

  void list(const std::string& name, const Certificate& certificate) {
    tests::list(clients_.path(), name, certificate);
  }
};

TEST_F(KeyRingTest, KnowsTheUserOfEachListedKey) {
  list("a.key", anna_);
  list("b.key", bert_);
  const KeyRing ring = KeyRing::load(clients_.path());
  EXPECT_EQ(ring.user_of(anna_.public_key), "anna");
  EXPECT_EQ(ring.user_of(bert_.public_key), "bert");
  EXPECT_EQ(ring.user_of(generate("").public_key), std::nullopt);
  EXPECT_EQ(ring.user_of(""), std::nullopt);
  EXPECT_EQ(ring.size(), 2U);
  EXPECT_THAT(ring.problems(), IsEmpty());
}

TEST_F(KeyRingTest, AUserMayHaveManyKeysAndAKeyManyFiles) {
  list("a.key", anna_);
  list("a again.key", anna_);
  list("a2.key", generate("anna"));
  const KeyRing ring = KeyRing::load(clients_.path());
  EXPECT_EQ(ring.size(), 2U);
  EXPECT_THAT(ring.problems(), IsEmpty());
}

TEST_F(KeyRingTest, OnlyKeyFilesCount) {
  list("a.key.bak", anna_);
  list(".hidden.key", anna_);
  list("a.key_secret", anna_);
  list("akey", anna_);
  const KeyRing ring = KeyRing::load(clients_.path());
  EXPECT_EQ(ring.size(), 0U);
  EXPECT_THAT(ring.problems(), IsEmpty());
}

TEST_F(KeyRingTest, BrokenFilesAreToldAndTheOthersStayValid) {
  list("good.key", anna_);
  list("nobody.key", generate(""));
  tests::write(clients_ / "short.key", "metadata\ncurve\n    user_id = \"x\"\n    public-key = \"abc\"\n");
  fs::create_directory(clients_ / "dir.key");
  const KeyRing ring = KeyRing::load(clients_.path());
  EXPECT_EQ(ring.user_of(anna_.public_key), "anna");
  EXPECT_EQ(ring.size(), 1U);
  EXPECT_THAT(ring.problems(),
              ElementsAre(AllOf(HasSubstr("dir.key"), HasSubstr("is not a regular file")),
                          AllOf(HasSubstr("nobody.key"), HasSubstr("has no user_id")),
                          AllOf(HasSubstr("short.key"), HasSubstr("public-key of 3 characters"))));
}

TEST_F(KeyRingTest, AKeyThatTwoUsersClaimCountsForNeither) {
  Certificate thief = anna_;
  thief.user_id = "thief";
  list("1.key", anna_);
  list("2.key", thief);
  list("3.key", anna_);
  list("4.key", bert_);
  const KeyRing ring = KeyRing::load(clients_.path());
  EXPECT_EQ(ring.user_of(anna_.public_key), std::nullopt);
  EXPECT_EQ(ring.user_of(bert_.public_key), "bert");
  EXPECT_THAT(ring.problems(),
              ElementsAre(AllOf(HasSubstr("1.key"), HasSubstr("2.key"), HasSubstr("counts for neither"))));
}

TEST_F(KeyRingTest, ADirectoryThatIsNotThereIsAnError) {
  EXPECT_THROW(KeyRing::load(clients_ / "none"), posix::Error);
}

TEST_F(KeyRingTest, RefreshSeesWhatCameChangedAndWent) {
  list("a.key", anna_);
  KeyDirectory directory(clients_.path());
  EXPECT_EQ(directory.ring().user_of(anna_.public_key), "anna");
  EXPECT_FALSE(directory.refresh()) << "nothing happened";

  list("b.key", bert_);
  EXPECT_TRUE(directory.refresh());
  EXPECT_EQ(directory.ring().user_of(bert_.public_key), "bert");

  const Certificate other = generate("bert");
  list("b.key", other);
  EXPECT_TRUE(directory.refresh()) << "changed in place, with the same size";
  EXPECT_EQ(directory.ring().user_of(bert_.public_key), std::nullopt);
  EXPECT_EQ(directory.ring().user_of(other.public_key), "bert");

  fs::remove(clients_ / "a.key");
  EXPECT_TRUE(directory.refresh());
  EXPECT_EQ(directory.ring().user_of(anna_.public_key), std::nullopt);
  EXPECT_EQ(directory.ring().size(), 1U);

  tests::write(clients_ / "notes.txt", "x");
  EXPECT_FALSE(directory.refresh()) << "not a key";
}

TEST_F(KeyRingTest, RefreshSeesAFileThatWasRenamedOverAnother) {
  list("a.key", anna_);
  KeyDirectory directory(clients_.path());
  list("new", bert_);
  fs::rename(clients_ / "new", clients_ / "a.key");
  EXPECT_TRUE(directory.refresh());
  EXPECT_EQ(directory.ring().user_of(anna_.public_key), std::nullopt);
  EXPECT_EQ(directory.ring().user_of(bert_.public_key), "bert");
}

TEST_F(KeyRingTest, RefreshSeesAChangeBehindASymlink) {
  list("real", anna_);
  fs::create_symlink("real", clients_ / "a.key");
  KeyDirectory directory(clients_.path());
  EXPECT_EQ(directory.ring().user_of(anna_.public_key), "anna");
  list("real", bert_);
  EXPECT_TRUE(directory.refresh());
  EXPECT_EQ(directory.ring().user_of(bert_.public_key), "bert");
  fs::remove(clients_ / "real");
  EXPECT_TRUE(directory.refresh()) << "a symlink to nothing";
  EXPECT_EQ(directory.ring().size(), 0U);
}

TEST_F(KeyRingTest, TheLastRingStaysWhileTheDirectoryIsAway) {
  fs::create_directory(clients_ / "keys");
  tests::list(clients_ / "keys", "a.key", anna_);
  KeyDirectory directory(clients_ / "keys");
  fs::rename(clients_ / "keys", clients_ / "away");
  EXPECT_FALSE(directory.refresh());
  EXPECT_EQ(directory.ring().user_of(anna_.public_key), "anna");
  EXPECT_THAT(directory.trouble(), HasSubstr("No such file or directory"));
  fs::rename(clients_ / "away", clients_ / "keys");
  EXPECT_FALSE(directory.refresh()) << "it is as it was";
  EXPECT_EQ(directory.trouble(), "");
}

}  // namespace
}  // namespace dync::keys
