#include "schema/ledger/reader.h"

#include <gtest/gtest.h>

#include "schema/ledger/events.h"
#include "tests/unit/ledger/records.h"

namespace dync::ledger {
namespace {

class ReaderTest : public ::testing::Test {
 protected:
  void event(const std::optional<Id>& id, const char* name) {
    Batch batch(*writer_);
    writer_->add_event(id, "committer", name, "{}");
    batch.commit();
  }

  TemporaryDirectory directory_;
  posix::Path file_ = directory_.file("dync.sqlite");
  std::unique_ptr<Writer> writer_ = std::make_unique<Writer>(file_);
};

TEST_F(ReaderTest, SeesWhatIsCommittedBesideTheWriter) {
  const Reader reader(file_);
  EXPECT_FALSE(reader.upload(id_of(1)));
  put(*writer_, 1);
  EXPECT_EQ(reader.upload(id_of(1))->state, State::receiving);
  put(*writer_, 2, State::committed);
  EXPECT_EQ(reader.count_by_state(),
            (std::map<State, std::uint64_t>{{State::receiving, 1}, {State::committed, 1}}));
}

TEST_F(ReaderTest, EverythingIsStillThereAfterAReopen) {
  put(*writer_, 1, State::committed);
  event(id_of(1), events::kCommitted);
  {
    Batch batch(*writer_);
    writer_->set_boot_id("boot");
    batch.commit();
  }
  writer_.reset();
  writer_ = std::make_unique<Writer>(file_);
  EXPECT_EQ(writer_->read().upload(id_of(1))->state, State::committed);
  EXPECT_EQ(writer_->read().events({.upload = id_of(1)}).size(), 1U);
  EXPECT_EQ(writer_->read().boot_id(), "boot");
}

TEST_F(ReaderTest, UploadsAreFilteredAndNewestFirst) {
  for (unsigned i = 1; i <= 4; ++i) put(*writer_, i, i == 4 ? State::failed : State::receiving);
  const Reader reader(file_);
  const auto all = reader.uploads({});
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all.front().upload.upload_id, id_of(4));
  EXPECT_EQ(reader.uploads({.state = State::failed}).size(), 1U);
  EXPECT_EQ(reader.uploads({.origin = "odd"}).size(), 2U);
  EXPECT_EQ(reader.uploads({.since = "2999-01-01T00:00:00Z"}).size(), 0U);
  EXPECT_EQ(reader.uploads({.limit = 3}).size(), 3U);
}

TEST_F(ReaderTest, AnUploadIsFoundByTheBeginningOfItsId) {
  put(*writer_, 1);
  put(*writer_, 2);
  const Reader reader(file_);
  EXPECT_EQ(reader.uploads_like("ab", 10).size(), 2U);
  EXPECT_EQ(reader.uploads_like(id_of(2).hex(), 10).size(), 1U);
  EXPECT_EQ(reader.uploads_like("ac", 10).size(), 0U);
}

TEST_F(ReaderTest, EventsAreReadFromWhereOneStopped) {
  put(*writer_, 1);
  event(id_of(1), events::kOpened);
  event(std::nullopt, events::kRefused);
  event(id_of(1), events::kAborted);
  const Reader reader(file_);
  const auto last = reader.last_events(2);
  ASSERT_EQ(last.size(), 2U);
  EXPECT_EQ(last[0].event, events::kRefused);
  EXPECT_EQ(last[1].event, events::kAborted);
  EXPECT_EQ(reader.events({.after = last[0].seq}).size(), 1U);
  EXPECT_EQ(reader.events({.upload = id_of(1)}).size(), 2U);
}

TEST_F(ReaderTest, TheNewestUploadOfAKeyCounts) {
  Session session = sample_session(2);
  session.key = sample_session(4).key;
  put(*writer_, 4, State::failed);
  {
    Batch batch(*writer_);
    writer_->add(sample_upload(2), session);
    batch.commit();
  }
  EXPECT_EQ(writer_->read().by_key("even", *session.key)->upload.upload_id, id_of(2));
  EXPECT_FALSE(writer_->read().by_key("odd", *session.key)) << "a key belongs to its user";
}

TEST_F(ReaderTest, LiveUploadsAreThoseThatHaveNotEnded) {
  put(*writer_, 1);
  put(*writer_, 2, State::committing);
  put(*writer_, 3, State::committed);
  put(*writer_, 4, State::aborted);
  const auto live = writer_->read().live();
  ASSERT_EQ(live.size(), 2U);
  EXPECT_EQ(live[0].upload.upload_id, id_of(1));
  EXPECT_EQ(live[1].upload.upload_id, id_of(2));
}

}  // namespace
}  // namespace dync::ledger
