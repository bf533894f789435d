#include "committer/parking.h"

#include <atomic>
#include <gtest/gtest.h>

#include "committer/staging.h"
#include "schema/ledger/events.h"
#include "tests/unit/committer/temporary_directory.h"

// How long partials wait, by a clock that the test turns.
namespace dync::committer {
namespace {

using namespace std::chrono_literals;
using ledger::State;
using std::chrono::seconds;

constexpr seconds kDay = 24h;

class ParkingTest : public ::testing::Test {
 protected:
  static config::Config config_in(const Path& base) {
    for (const char* name : {"tmp", "store", "box"}) std::filesystem::create_directory(base / name);
    return config::parse(
        "address: \"tcp://*:*\"\nlimits: {max_uploads_per_user: 3}\nstorage:\n  tmp_dir: " + base.string() +
            "/tmp\n  path: " + base.string() +
            "/store\n  dropboxes:\n    - {regexp: \".*\", path: " + base.string() + "/box}\n",
        "/etc/test.yaml", "/root");
  }

  template <typename Action>
  void batch(Action action) {
    ledger::Batch batch(writer_);
    action();
    batch.commit();
  }
  Id park(unsigned char number, const std::string& user = "user1") {
    Job fresh;
    fresh.opening = false;
    fresh.row.upload.upload_id = Id::uuid4({std::byte{number}});
    fresh.row.upload.origin = user;
    fresh.row.upload.destination = "/box/" + std::to_string(number);
    fresh.row.session.key = Id::uuid4({std::byte{number}, std::byte{1}});
    fresh.row.session.reserves = fresh.row.upload.destination;
    const Id id = fresh.id();
    batch([&] {
      writer_.add(fresh.row.upload, fresh.row.session);
      parking_.park(jobs_.add(std::move(fresh)), {id, 1, 10, "silent"});
    });
    return id;
  }
  void look_after(seconds time) {
    now_ += time;
    batch([&] { parking_.look(); });
  }
  // As the next committer takes it up from the ledger.
  void take_up(const Id& id) {
    jobs_.remove(id);
    Job job;
    job.opening = false;
    job.row = row(id);
    job.waits_since = now_ - seconds(job.row.session.parked_seconds.value());
    jobs_.add(std::move(job));
  }
  ledger::Row row(const Id& id) { return writer_.read().row(id).value(); }

  TemporaryDirectory directory_;
  config::Config config_ = config_in(directory_.path());
  ledger::Writer writer_{config_.ledger};
  service::Log log_{[](service::Level, const std::string&) {}};
  service::Loop loop_;
  Jobs jobs_;
  Inbox inbox_;
  Outbox outbox_{log_};
  Pool quick_{inbox_, 1, "quick"};
  Pool slow_{inbox_, 1, "slow"};
  Pool copies_{inbox_, 1, "copies"};
  std::atomic<bool> stopping_ = false;
  Context context_{config_, log_,  loop_,   writer_,  writer_.read().ledger_id(), jobs_, inbox_, outbox_,
                   quick_,  slow_, copies_, stopping_};
  Parking::Clock::time_point now_{};
  Parking parking_{context_, [this] { return now_; }};
};

TEST_F(ParkingTest, APartialWaitsForSevenDays) {
  const Id id = park(1);
  look_after(7 * kDay - 1s);
  EXPECT_EQ(row(id).upload.state, State::receiving);
  EXPECT_EQ(row(id).session.parked_seconds, std::chrono::seconds(7 * kDay).count() - 1);
  look_after(1s);
  EXPECT_EQ(row(id).upload.state, State::expired);
  EXPECT_EQ(row(id).upload.error_code, 408U);
  EXPECT_EQ(jobs_.find(id), nullptr);
}

TEST_F(ParkingTest, WhatWasWaitedBeforeCounts) {
  const Id id = park(1);
  look_after(6 * kDay);
  now_ += 100 * kDay;  // no committer lived
  take_up(id);
  look_after(kDay - 1s);
  EXPECT_EQ(row(id).upload.state, State::receiving);
  look_after(1s);
  EXPECT_EQ(row(id).upload.state, State::expired);
}

TEST_F(ParkingTest, ItCountsAnewAfterEachReturn) {
  const Id id = park(1);
  look_after(6 * kDay);
  batch([&] {
    Job& job = *jobs_.find(id);
    jobs_.change(job, [](ledger::Row& row) { row.session.parked_seconds.reset(); });
    writer_.set_resumed(job.row.upload, job.row.session);
  });
  look_after(30 * kDay);
  EXPECT_EQ(row(id).upload.state, State::receiving) << "a session serves it";
  batch([&] { parking_.park(*jobs_.find(id), {id, 3, 10, "silent"}); });
  EXPECT_EQ(row(id).session.parked_seconds, 0U);
  look_after(6 * kDay);
  EXPECT_EQ(row(id).upload.state, State::receiving);
}

TEST_F(ParkingTest, ShorterTimesCountAtOnce) {
  const Id id = park(1);
  look_after(kDay);
  config_.limits.partial_ttl = 3600s;
  look_after(0s);
  EXPECT_EQ(row(id).upload.state, State::expired);
}

TEST_F(ParkingTest, WhoWaitsLongestMakesRoom) {
  const Id first = park(3);
  now_ += 1s;
  const Id second = park(2);
  look_after(1s);
  take_up(first);
  take_up(second);
  now_ += 1s;
  const Id third = park(1);
  const Id others = park(5, "user2");
  EXPECT_EQ(row(first).upload.state, State::receiving);
  const Id fourth = park(4);
  EXPECT_EQ(row(first).upload.state, State::expired);
  for (const Id& id : {second, third, fourth, others}) EXPECT_EQ(row(id).upload.state, State::receiving);
}

TEST_F(ParkingTest, OnAFullDiskThoseThatWaitLongestMakeRoomAndNoMoreThanNeeded) {
  const Id first = park(1);
  now_ += 1h;
  const Id second = park(2, "user2");
  now_ += 1h;
  const Id third = park(3);
  bool made = false;
  batch([&] { made = parking_.make_room(15); });
  EXPECT_TRUE(made);
  EXPECT_EQ(row(first).upload.state, State::expired);
  EXPECT_EQ(row(second).upload.state, State::expired);
  EXPECT_EQ(row(third).upload.state, State::receiving) << "20 bytes are enough";
  EXPECT_EQ(
      row(first).upload.error,
      "the interrupted upload has expired: the disk is full, and uploads under way needed its room; send "
      "the file again");
  batch([&] { made = parking_.make_room(1); });
  EXPECT_EQ(row(third).upload.state, State::expired);
  batch([&] { made = parking_.make_room(1); });
  EXPECT_FALSE(made) << "none is left";
}

}  // namespace
}  // namespace dync::committer
