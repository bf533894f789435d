#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>

#include "proto/posix/file.h"
#include "schema/limits/limits.h"
#include "tests/unit/receiver/house.h"

// The real dync-receiver: what it plans, syncs and says again.
namespace dync::receiver {
namespace {

using limits::kMiB;

class ReceiverCheckpoints : public testing::Test {
 protected:
  ReceiverCheckpoints() { ::setenv("DYNC_TEST_CHECKPOINT", std::to_string(4 * kMiB).c_str(), 1); }
  ~ReceiverCheckpoints() override { ::unsetenv("DYNC_TEST_CHECKPOINT"); }

  void begin(Client& client) {
    client.say(wire::PostFile{"a.bin", "{}", {}});
    open_ = house_.open_as(upload_);
    ASSERT_TRUE(open_);
    const auto approval = client.hears<wire::UploadApproved>();
    ASSERT_TRUE(approval);
    credit_ = approval->credit;
    chunk_size_ = approval->chunk_size;
  }
  digest::Midstate state_at(std::size_t bytes) const {
    digest::Sha256 hash;
    hash.update(std::as_bytes(std::span(content_)).first(bytes));
    return hash.midstate().value();
  }

  const std::string content_ = content_of(10 * kMiB);
  House house_;
  wire::Id upload_ = some_id();
  std::optional<ipc::Open> open_;
  std::uint32_t credit_ = 0, chunk_size_ = 0;
};

TEST_F(ReceiverCheckpoints, PlannedSyncedSaidAgainAndGivenToANewHasher) {
  house_.start_receiver();
  Client client(house_, house_.lab1, "r1");
  begin(client);
  ASSERT_TRUE(client.send_file(content_, credit_, chunk_size_, 0, 5 * kMiB));
  const auto begun = house_.hasher_hears<ipc::Begin>();
  ASSERT_TRUE(begun);
  EXPECT_FALSE(begun->checkpoint);
  const auto plan = house_.hasher_hears<ipc::Plan>();
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->offset, 4 * kMiB);
  EXPECT_EQ(plan->epoch, begun->epoch);
  const auto synced = house_.committer_hears<ipc::Synced>();
  ASSERT_TRUE(synced);
  EXPECT_EQ(synced->offset, plan->offset);
  EXPECT_EQ(synced->epoch, plan->epoch);
  EXPECT_GE(ipc::written_bytes(house_.memory->mark(begun->mark), begun->epoch), plan->offset);

  house_.renew_committer();
  ASSERT_TRUE(house_.committer_hears<ipc::Synced>()) << "it was not answered";
  house_.renew_hasher();
  const auto second = house_.hasher_hears<ipc::Begin>();
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->checkpoint);
  const auto again = house_.hasher_hears<ipc::Plan>();
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *plan);

  house_.committer_says(ipc::Checkpointed{upload_, plan->epoch - 1, state_at(2 * kMiB)});  // of another epoch
  house_.committer_says(ipc::Checkpointed{upload_, plan->epoch, state_at(4 * kMiB)});
  ipc::store_hashed(house_.memory->mark(begun->mark), begun->epoch, 5 * kMiB);
  ASSERT_TRUE(client.send_file(content_, 2, chunk_size_, 5 * kMiB, 5 * kMiB + 2 * chunk_size_));
  house_.renew_hasher();
  const auto third = house_.hasher_hears<ipc::Begin>();
  ASSERT_TRUE(third);
  EXPECT_EQ(third->checkpoint, state_at(4 * kMiB));
}

TEST_F(ReceiverCheckpoints, ANewReceiverTakesItOver) {
  house_.make_staging(upload_);
  {
    const auto file = posix::open_file(house_.data_of(upload_), O_RDWR | O_CREAT, 0600);
    posix::write_at(file.get(), std::as_bytes(std::span(content_)).first(6 * kMiB + 7), 0);
  }
  ipc::Restore restore;
  restore.upload = upload_;
  restore.session = ipc::Open{0, "lab1", "r1", "a.bin", "{}", {}, 256 * 1024, 100};
  restore.epoch = 7;
  restore.seek = 4 * kMiB;
  restore.checkpoint = state_at(4 * kMiB);
  house_.live = {restore};
  house_.start_receiver();
  const auto begin = house_.hasher_hears<ipc::Begin>();
  ASSERT_TRUE(begin);
  EXPECT_EQ(begin->checkpoint, state_at(4 * kMiB));
  EXPECT_GT(begin->epoch, 7U);
  EXPECT_EQ(std::filesystem::file_size(house_.data_of(upload_)), 4 * kMiB) << "cut: no mark knows of more";
}

TEST_F(ReceiverCheckpoints, ASmallUploadHasNone) {
  house_.start_receiver();
  Client client(house_, house_.lab1, "r1");
  begin(client);
  const std::string small = content_.substr(0, 2 * kMiB - 1);
  ASSERT_TRUE(client.send_file(small, credit_, chunk_size_));
  ASSERT_TRUE(house_.committer_hears<ipc::AllReceived>());
  for (const auto& message : house_.to_hasher) EXPECT_FALSE(std::holds_alternative<ipc::Plan>(message));
  for (const auto& message : house_.to_committer) EXPECT_FALSE(std::holds_alternative<ipc::Synced>(message));
}

}  // namespace
}  // namespace dync::receiver
