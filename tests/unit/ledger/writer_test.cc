#include "schema/ledger/writer.h"

#include <SQLiteCpp/Database.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <regex>

#include "proto/posix/file.h"
#include "schema/ledger/events.h"
#include "tests/unit/ledger/records.h"

namespace dync::ledger {
namespace {

class WriterTest : public ::testing::Test {
 protected:
  template <typename Action>
  void change(Action action) {
    Batch batch(writer_);
    action();
    batch.commit();
  }
  Upload upload(unsigned number) { return writer_.read().upload(id_of(number)).value(); }
  Row row(unsigned number) { return writer_.read().row(id_of(number)).value(); }

  TemporaryDirectory directory_;
  posix::Path file_ = directory_.file("dync.sqlite");
  Writer writer_{file_};
};

TEST_F(WriterTest, AnUploadComesBackAsItWasGiven) {
  put(writer_, 7);
  const Upload expected = sample_upload(7);
  const Row found = row(7);
  EXPECT_EQ(found.upload.origin, "odd");
  EXPECT_EQ(found.upload.filename, expected.filename);
  EXPECT_EQ(found.upload.clean_name, expected.clean_name);
  EXPECT_EQ(found.upload.destination, expected.destination);
  EXPECT_EQ(found.upload.metadata, expected.metadata);
  EXPECT_EQ(found.upload.size_declared, 107U);
  EXPECT_EQ(found.upload.state, State::receiving);
  EXPECT_FALSE(found.upload.sha256);
  EXPECT_FALSE(found.upload.finished_at);
  EXPECT_EQ(found.session.routing_id, sample_session(7).routing_id);
  EXPECT_EQ(found.session.key, id_of(1007));
  EXPECT_EQ(found.session.mtime_ns, -5);
  EXPECT_EQ(found.session.chunk_size, 1U << 20);
  EXPECT_EQ(found.session.max_queue, 64U);
  EXPECT_EQ(found.session.reserves, expected.destination);
}

TEST_F(WriterTest, TimesAreRfc3339InUtc) {
  put(writer_, 1, State::committed);
  const std::regex rfc3339(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)");
  EXPECT_TRUE(std::regex_match(upload(1).created_at, rfc3339)) << upload(1).created_at;
  EXPECT_TRUE(std::regex_match(upload(1).updated_at, rfc3339));
  EXPECT_TRUE(std::regex_match(upload(1).finished_at.value(), rfc3339));
}

TEST_F(WriterTest, AnOriginalsUploadHasNoKeyAndNoSize) {
  Upload upload = sample_upload(1);
  upload.size_declared.reset();
  Session session = sample_session(1);
  session.key.reset();
  session.mtime_ns.reset();
  change([&] { writer_.add(upload, session); });
  EXPECT_FALSE(row(1).upload.size_declared);
  EXPECT_FALSE(row(1).session.key);
  EXPECT_FALSE(row(1).session.mtime_ns);
  EXPECT_EQ(writer_.read().by_routing_id("odd", session.routing_id)->upload.upload_id, id_of(1));
}

TEST_F(WriterTest, WhatIsNotCommittedIsNotThere) {
  {
    Batch batch(writer_);
    writer_.add(sample_upload(1), sample_session(1));
    writer_.add_event(id_of(1), "committer", events::kOpened, "{}");
  }
  EXPECT_FALSE(writer_.read().upload(id_of(1)));
  EXPECT_TRUE(writer_.read().events({}).empty());
}

TEST_F(WriterTest, ReceivedAndVerifiedAreRecorded) {
  put(writer_, 5, State::verified);
  EXPECT_EQ(upload(5).bytes_received, 105U);
  EXPECT_EQ(upload(5).sha256, digest_of(5));
  EXPECT_EQ(row(5).session.client_sha256, digest_of(5));
  EXPECT_EQ(row(5).session.epoch, 1U);
}

TEST_F(WriterTest, AForbiddenStepIsRefusedAndChangesNothing) {
  put(writer_, 1);
  EXPECT_THROW(change([&] { writer_.set_verified(id_of(1), digest_of(1)); }), std::logic_error);
  EXPECT_THROW(change([&] { writer_.set_state(id_of(1), State::committed); }), std::logic_error);
  EXPECT_EQ(upload(1).state, State::receiving);
  put(writer_, 2, State::committed);
  EXPECT_THROW(change([&] { writer_.set_ended(id_of(2), State::failed, 500, "x", false); }),
               std::logic_error);
  EXPECT_EQ(upload(2).state, State::committed);
}

TEST_F(WriterTest, AnEndGivesTheReservationUp) {
  put(writer_, 1);
  Upload other = sample_upload(2);
  Session session = sample_session(2);
  session.reserves = sample_upload(1).destination;
  EXPECT_THROW(change([&] { writer_.add(other, session); }), Error) << "reserved by the first";
  change([&] { writer_.set_ended(id_of(1), State::aborted, 408, "too slow", false); });
  EXPECT_EQ(upload(1).error_code, 408U);
  EXPECT_EQ(upload(1).error, "too slow");
  EXPECT_TRUE(upload(1).finished_at);
  change([&] { writer_.add(other, session); });
  EXPECT_EQ(row(2).session.reserves, session.reserves);
}

TEST_F(WriterTest, AParkedUploadWaitsWithoutItsDestination) {
  put(writer_, 1);
  EXPECT_FALSE(row(1).session.parked_seconds);
  change([&] { writer_.set_parked(id_of(1), 5, 64); });
  EXPECT_EQ(row(1).session.parked_seconds, 0U);
  EXPECT_EQ(row(1).session.durable_bytes, 64U);
  EXPECT_EQ(row(1).session.epoch, 5U);
  EXPECT_FALSE(row(1).session.reserves);
  EXPECT_EQ(upload(1).bytes_received, 64U);
  EXPECT_EQ(upload(1).state, State::receiving);
  change([&] { writer_.set_waited(id_of(1), 61); });
  EXPECT_EQ(row(1).session.parked_seconds, 61U);
  Session other = sample_session(2);
  other.reserves = sample_upload(1).destination;
  change([&] { writer_.add(sample_upload(2), other); });
  EXPECT_EQ(row(2).session.reserves, other.reserves) << "its name is free";
}

TEST_F(WriterTest, AResumedUploadIsAsItWasPostedLast) {
  put(writer_, 1);
  change([&] { writer_.set_parked(id_of(1), 5, 64); });
  Row changed = row(1);
  changed.upload.filename = "other.raw";
  changed.upload.clean_name = "other.raw";
  changed.upload.destination = "/data/other.raw";
  changed.upload.metadata = "{}";
  changed.upload.untar = true;
  changed.session.routing_id = std::string("\0new", 4);
  changed.session.chunk_size = 4096;
  changed.session.max_queue = 3;
  changed.session.epoch = 6;
  changed.session.reserves = changed.upload.destination;
  change([&] { writer_.set_resumed(changed.upload, changed.session); });
  EXPECT_EQ(upload(1).filename, "other.raw");
  EXPECT_EQ(upload(1).clean_name, "other.raw");
  EXPECT_EQ(upload(1).destination, "/data/other.raw");
  EXPECT_EQ(upload(1).metadata, "{}");
  EXPECT_TRUE(upload(1).untar);
  EXPECT_EQ(upload(1).bytes_received, 64U);
  EXPECT_EQ(row(1).session.routing_id, changed.session.routing_id);
  EXPECT_EQ(row(1).session.chunk_size, 4096U);
  EXPECT_EQ(row(1).session.max_queue, 3U);
  EXPECT_EQ(row(1).session.epoch, 6U);
  EXPECT_EQ(row(1).session.durable_bytes, 64U);
  EXPECT_EQ(row(1).session.reserves, "/data/other.raw");
  EXPECT_FALSE(row(1).session.parked_seconds);
}

TEST_F(WriterTest, WhatIsLostStartsAtZero) {
  put(writer_, 1);
  change([&] { writer_.set_parked(id_of(1), 5, 64); });
  change([&] { writer_.set_lost(id_of(1)); });
  EXPECT_EQ(row(1).session.durable_bytes, 0U);
  EXPECT_EQ(upload(1).bytes_received, 0U);
  EXPECT_EQ(row(1).session.parked_seconds, 0U) << "it still waits";
}

TEST_F(WriterTest, WhatHasEndedWaitsNoLonger) {
  put(writer_, 1);
  change([&] { writer_.set_parked(id_of(1), 5, 64); });
  change([&] { writer_.set_ended(id_of(1), State::expired, 408, "nobody came", false); });
  EXPECT_EQ(upload(1).state, State::expired);
  EXPECT_FALSE(row(1).session.parked_seconds);
}

TEST_F(WriterTest, AnArchivesTreeTakesItsOwnName) {
  put(writer_, 1, State::extracting);
  change([&] { writer_.set_destination(id_of(1), "TOP", "/data/raw/TOP"); });
  EXPECT_EQ(upload(1).destination, "/data/raw/TOP");
  EXPECT_EQ(upload(1).clean_name, "TOP");
  EXPECT_EQ(row(1).session.reserves, "/data/raw/TOP");
}

TEST_F(WriterTest, KeptAndHeldAreRemembered) {
  put(writer_, 1, State::committing);
  change([&] { writer_.set_held(id_of(1)); });
  EXPECT_TRUE(row(1).session.held);
  change([&] { writer_.set_ended(id_of(1), State::failed, 500, "x", true); });
  EXPECT_TRUE(row(1).session.kept);
}

TEST_F(WriterTest, WhatIsKeptWaitsUntilItIsGone) {
  for (const unsigned number : {1U, 2U, 3U}) put(writer_, number, State::verified);
  change([&] {
    writer_.set_ended(id_of(1), State::failed, 500, "x", true);
    writer_.set_ended(id_of(2), State::failed, 422, "x", false);
    writer_.set_waited(id_of(1), 61);
  });
  const auto kept = writer_.read().kept();
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].upload.upload_id, id_of(1));
  EXPECT_EQ(kept[0].session.parked_seconds, 61U);
  change([&] { writer_.set_not_kept(id_of(1)); });
  EXPECT_TRUE(writer_.read().kept().empty());
  EXPECT_FALSE(row(1).session.parked_seconds);
  EXPECT_EQ(upload(1).state, State::failed);
}

TEST_F(WriterTest, ProgressNeverTouchesWhatIsReceived) {
  put(writer_, 1);
  change([&] { writer_.set_progress(id_of(1), 40); });
  EXPECT_EQ(upload(1).bytes_received, 40U);
  change([&] { writer_.set_received(id_of(1), 101, 3, digest_of(1)); });
  change([&] { writer_.set_progress(id_of(1), 60); });
  EXPECT_EQ(upload(1).bytes_received, 101U);
}

TEST_F(WriterTest, MembersAreReplacedAsAWhole) {
  put(writer_, 1, State::extracting);
  const Member first[] = {{"TOP/b", 2, digest_of(2)}, {"TOP/a", 1, digest_of(1)}};
  const Member second[] = {{"TOP/c", 3, digest_of(3)}};
  change([&] { writer_.set_members(id_of(1), first); });
  EXPECT_EQ(writer_.read().members(id_of(1)).size(), 2U);
  change([&] { writer_.set_members(id_of(1), second); });
  const auto found = writer_.read().members(id_of(1));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].path, "TOP/c");
  EXPECT_EQ(found[0].size, 3U);
  EXPECT_EQ(found[0].sha256, digest_of(3));
}

constexpr Checkpoint kEarly{1, {64, {1, 2, 3, 4, 5, 6, 7, 0xffffffff}}};
constexpr Checkpoint kLate{2, {128, {8, 7, 6, 5, 4, 3, 2, 1}}};

TEST_F(WriterTest, TheNewestCheckpointReplacesTheOneBeforeAndRaisesWhatIsDurable) {
  put(writer_, 1);
  change([&] {
    writer_.set_checkpoint(id_of(1), kEarly);
    writer_.set_checkpoint(id_of(1), kLate);
  });
  const auto found = writer_.read().checkpoint(id_of(1));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state, kLate.state);
  EXPECT_EQ(found->epoch, 2U);
  EXPECT_EQ(writer_.read().row(id_of(1))->session.durable_bytes, 128U);
  SQLite::Database database(file_.string());
  EXPECT_EQ(database.execAndGet("SELECT count(*) FROM checkpoints").getInt(), 1);
}

TEST_F(WriterTest, ACheckpointNeverLowersWhatIsDurable) {
  put(writer_, 1);
  change([&] {
    writer_.set_parked(id_of(1), 1, 1000);
    writer_.set_checkpoint(id_of(1), kLate);
  });
  EXPECT_EQ(writer_.read().row(id_of(1))->session.durable_bytes, 1000U);
}

TEST_F(WriterTest, ACheckpointGoesWithItsBytesOrItsUpload) {
  for (std::uint8_t number = 1; number < 4; ++number) put(writer_, number);
  put(writer_, 4, State::received);
  change([&] {
    for (std::uint8_t number = 1; number < 5; ++number) writer_.set_checkpoint(id_of(number), kLate);
    writer_.set_lost(id_of(1));
    writer_.set_ended(id_of(2), State::aborted, 408, "gone", false);
    writer_.set_verified(id_of(4), digest_of(4));
  });
  EXPECT_FALSE(writer_.read().checkpoint(id_of(1)));
  EXPECT_FALSE(writer_.read().checkpoint(id_of(2)));
  EXPECT_TRUE(writer_.read().checkpoint(id_of(3)));
  EXPECT_FALSE(writer_.read().checkpoint(id_of(4)));
}

TEST_F(WriterTest, EventsAreAppendOnly) {
  change([&] { writer_.add_event(std::nullopt, "committer", events::kRefused, R"({"code":422})"); });
  SQLite::Database database(file_.string(), SQLite::OPEN_READWRITE);
  EXPECT_THROW(database.exec("UPDATE events SET event = 'other'"), SQLite::Exception);
  EXPECT_THROW(database.exec("DELETE FROM events"), SQLite::Exception);
  const auto found = writer_.read().events({});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].event, events::kRefused);
  EXPECT_EQ(found[0].detail, R"({"code":422})");
  EXPECT_FALSE(found[0].upload_id);
}

TEST_F(WriterTest, StatesOutsideTheListAreRefusedByTheFileItself) {
  put(writer_, 1);
  SQLite::Database database(file_.string(), SQLite::OPEN_READWRITE);
  EXPECT_THROW(database.exec("UPDATE uploads SET state = 'done'"), SQLite::Exception);
}

TEST_F(WriterTest, BlocksAreThereBeforeTheyAreNeeded) {
  put(writer_, 7);
  const posix::Path log = file_.native() + "-wal";
  const std::uint64_t size = posix::find(log)->size;
  ASSERT_TRUE(writer_.keep_room(8U << 20));
  EXPECT_GE(posix::find(log)->taken, 8U << 20);
  EXPECT_EQ(posix::find(log)->size, size);
  EXPECT_GE(posix::find(file_)->taken, 1U << 20);
  for (unsigned number = 100; number < 1100; ++number) put(writer_, number);
  EXPECT_LE(posix::find(log)->size, 8U << 20) << "the log begins anew before its blocks are used up";
  EXPECT_GE(posix::find(file_)->taken, 1U << 20) << "a checkpoint does not give them up";
  EXPECT_EQ(row(7).upload.filename, sample_upload(7).filename);
  EXPECT_EQ(Reader(file_).upload(id_of(1099))->filename, sample_upload(1099).filename);
}

}  // namespace
}  // namespace dync::ledger
