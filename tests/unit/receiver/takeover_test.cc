#include <gtest/gtest.h>

#include "proto/posix/file.h"
#include "schema/limits/limits.h"
#include "tests/unit/receiver/house.h"

// The real dync-receiver: uploads that outlive their connection, their receiver, or all processes.
namespace dync::receiver {
namespace {

using limits::kMiB;

class Takeover : public testing::Test {
 protected:
  wire::PostFile post(std::optional<wire::Id> replaces = {}) const {
    return {"a.bin", "{}", wire::PostFileOptions{key_, content_.size(), 7, false, replaces}};
  }
  wire::UploadApproved approved(Client& client, const wire::PostFile& message, std::uint32_t epoch = 0,
                                std::uint64_t seek = 0) {
    client.say(message);
    open_ = house_.open_as(upload_, epoch, seek);
    EXPECT_TRUE(open_);
    const auto approval = client.hears<wire::UploadApproved>();
    EXPECT_TRUE(approval);
    return approval.value_or(wire::UploadApproved{});
  }
  // A first connection that has sent half of the file.
  void half(Client& client) {
    const auto approval = approved(client, post());
    ASSERT_TRUE(client.send_file(content_, approval.credit, kMiB, 0, kHalf));
  }
  void await_written(std::uint64_t bytes) {
    const auto begin = house_.hasher_hears<ipc::Begin>();
    ASSERT_TRUE(begin);
    ASSERT_TRUE(house_.pump(
        [&] { return ipc::written_bytes(house_.memory->mark(begin->mark), begin->epoch) == bytes; }));
  }
  void expect_stored() const {
    const std::string found = posix::read_file(house_.data_of(upload_), 1ULL << 31);
    EXPECT_TRUE(found == content_) << "the staged file differs, " << found.size() << " bytes";
  }
  ipc::Restore restore(const ipc::Open& open) const {
    ipc::Restore restore;
    restore.upload = upload_;
    restore.session = open;
    return restore;
  }

  static constexpr std::uint64_t kHalf = 4 * kMiB;
  const std::string content_ = content_of(8 * kMiB + 123);
  House house_;
  wire::Id upload_ = some_id(), key_ = some_id();
  std::optional<ipc::Open> open_;
};

TEST_F(Takeover, AnotherConnectionWithTheKeyGoesOnWhereTheFirstWas) {
  house_.start_receiver();
  Client first(house_, house_.lab1, "first"), second(house_, house_.lab1, "second");
  half(first);
  await_written(kHalf);
  second.say(post());
  EXPECT_EQ(first.hears_error(), 409U);
  const auto park = house_.committer_hears<ipc::Park>();
  ASSERT_TRUE(park);
  EXPECT_EQ(park->upload, upload_);
  EXPECT_EQ(park->bytes, kHalf);
  const auto open = house_.committer_hears<ipc::Open>();
  ASSERT_TRUE(open);
  EXPECT_EQ(open->after, upload_);
  house_.committer_says(ipc::Opened{open->request, upload_, park->epoch, park->bytes, 10});
  const auto approval = second.hears<wire::UploadApproved>();
  ASSERT_TRUE(approval);
  EXPECT_EQ(approval->options->seek, kHalf);
  ASSERT_TRUE(second.send_file(content_, approval->credit, kMiB, kHalf));
  const auto received = house_.committer_hears<ipc::AllReceived>();
  ASSERT_TRUE(received);
  EXPECT_GT(received->epoch, park->epoch);
  expect_stored();
  first.chunk(kHalf, "late bytes of the first");
  EXPECT_EQ(first.hears_error(), 409U) << "told again";
  expect_stored();
}

TEST_F(Takeover, ACompleteUploadIsHandedOver) {
  house_.start_receiver();
  Client first(house_, house_.lab1, "first"), second(house_, house_.lab1, "second");
  const auto approval = approved(first, post());
  ASSERT_TRUE(first.send_file(content_, approval.credit, kMiB));
  ASSERT_TRUE(house_.committer_hears<ipc::AllReceived>());
  second.say(post());
  const auto again = second.hears<wire::UploadApproved>();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->options->seek, content_.size());
  EXPECT_EQ(again->options->upload_id, upload_);
  EXPECT_EQ(first.hears_error(), 409U);
  const wire::Receipt receipt{upload_, sha256_of(content_), content_.size(), "box/a.bin",
                              "2026-01-01T00:00:00Z"};
  house_.committer_says(ipc::Committed{upload_, receipt});
  const auto finished = second.hears<wire::UploadFinished>();
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->receipt, receipt);
  for (const auto& message : house_.to_committer)
    EXPECT_FALSE(std::holds_alternative<ipc::Open>(message)) << "nobody need be asked";
}

TEST_F(Takeover, AnotherSizeUnderTheKeyIsRefusedAndDisturbsNobody) {
  house_.start_receiver();
  Client first(house_, house_.lab1, "first"), second(house_, house_.lab1, "second");
  half(first);
  auto other = post();
  other.options->size = 1;
  second.say(other);
  EXPECT_EQ(second.hears_error(), 409U);
  EXPECT_EQ(first.hears<wire::ServerError>(std::chrono::milliseconds(200)), std::nullopt);
}

TEST_F(Takeover, AnotherUsersEqualKeyIsAnotherUpload) {
  house_.start_receiver();
  Client first(house_, house_.lab1, "first"), second(house_, house_.lab2, "second");
  half(first);
  second.say(post());
  const auto open = house_.committer_hears<ipc::Open>();
  ASSERT_TRUE(open);
  EXPECT_FALSE(open->after);
  EXPECT_EQ(first.hears<wire::ServerError>(std::chrono::milliseconds(200)), std::nullopt);
}

TEST_F(Takeover, AReplacedUploadIsAbortedFirst) {
  house_.start_receiver();
  Client first(house_, house_.lab1, "first"), second(house_, house_.lab1, "second");
  half(first);
  const wire::Id old = std::exchange(key_, some_id());
  second.say(post(old));
  EXPECT_EQ(first.hears_error(), 409U);
  const auto abort = house_.committer_hears<ipc::Abort>();
  ASSERT_TRUE(abort);
  EXPECT_EQ(abort->upload, upload_);
  const auto open = house_.committer_hears<ipc::Open>();
  ASSERT_TRUE(open);
  EXPECT_EQ(open->after, upload_);
}

TEST_F(Takeover, ACheckTakesNothingOver) {
  house_.start_receiver();
  Client first(house_, house_.lab1, "first"), second(house_, house_.lab1, "second");
  half(first);
  auto check = post();
  check.options->check = true;
  second.say(check);
  const auto open = house_.committer_hears<ipc::Open>();
  ASSERT_TRUE(open);
  EXPECT_FALSE(open->after);
  EXPECT_EQ(first.hears<wire::ServerError>(std::chrono::milliseconds(200)), std::nullopt);
}

TEST_F(Takeover, AResumeWhoseBytesAreGoneIsAborted) {
  house_.start_receiver();
  Client client(house_, house_.lab1, "r");
  client.say(post());
  ASSERT_TRUE(house_.open_as(upload_, 3, 1000)) << "the committer believes that there are 1000 bytes";
  EXPECT_EQ(client.hears_error(), 500U);
  const auto abort = house_.committer_hears<ipc::Abort>();
  ASSERT_TRUE(abort);
  EXPECT_EQ(abort->upload, upload_);
}

// What is there is long enough, but can't be opened.
TEST_F(Takeover, AResumeThatCannotBeOpenedNowStaysAPartial) {
  house_.start_receiver();
  house_.make_staging(upload_);
  std::filesystem::remove(house_.data_of(upload_));
  std::filesystem::create_symlink(std::string(1500, 'x'), house_.data_of(upload_));
  Client client(house_, house_.lab1, "r");
  client.say(post());
  ASSERT_TRUE(house_.open_as(upload_, 3, 1000));
  EXPECT_EQ(client.hears_error(), 503U);
  const auto park = house_.committer_hears<ipc::Park>();
  ASSERT_TRUE(park);
  EXPECT_EQ(park->upload, upload_);
  EXPECT_EQ(park->epoch, 3U);
  EXPECT_EQ(park->bytes, 1000U);
}

TEST_F(Takeover, AfterTheDeathOfAllTheUploadGoesOnAtItsWrittenMark) {
  house_.start_receiver();
  Client client(house_, house_.lab1, "r");
  half(client);
  await_written(kHalf);
  house_.kill_server();
  house_.live = {restore(*open_)};
  house_.start_receiver();
  client.inbox.clear();
  client.chunk(kHalf + kMiB, std::string_view(content_).substr(kHalf + kMiB, kMiB));
  const auto report = client.hears<wire::StatusReport>();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->seek, kHalf) << "not 0: the marks lie beside the ledger";
  ASSERT_TRUE(client.send_file(content_, report->credit, kMiB, report->seek));
  ASSERT_TRUE(house_.committer_hears<ipc::AllReceived>());
  expect_stored();
}

// What one staged file can't do now must not keep the server from serving all others.
TEST_F(Takeover, ARestoreThatCannotBeOpenedNowStaysAPartial) {
  house_.start_receiver();
  Client client(house_, house_.lab1, "r");
  client.say(post());
  open_ = house_.open_as(upload_);
  ASSERT_TRUE(open_);
  house_.kill_server();
  std::filesystem::remove(house_.data_of(upload_));
  std::filesystem::create_symlink(std::string(1500, 'x'), house_.data_of(upload_));
  house_.live = {restore(*open_)};
  house_.live[0].epoch = 2;
  house_.live[0].seek = 1000;
  house_.start_receiver();
  const auto park = house_.committer_hears<ipc::Park>();
  ASSERT_TRUE(park);
  EXPECT_EQ(park->upload, upload_);
  EXPECT_EQ(park->epoch, 2U);
  EXPECT_EQ(park->bytes, 1000U);
}

TEST_F(Takeover, AParkIsSaidAgainToANewCommitterUntilTheUploadIsOpenedAgain) {
  house_.start_receiver();
  Client first(house_, house_.lab1, "first"), second(house_, house_.lab1, "second");
  half(first);
  second.say(post());
  ASSERT_TRUE(house_.committer_hears<ipc::Park>());
  ASSERT_TRUE(house_.committer_hears<ipc::Open>());
  house_.renew_committer();
  const auto park = house_.committer_hears<ipc::Park>();
  ASSERT_TRUE(park);
  const auto open = house_.committer_hears<ipc::Open>();
  ASSERT_TRUE(open);
  EXPECT_EQ(open->after, upload_);
  house_.committer_says(ipc::Opened{open->request, upload_, park->epoch, park->bytes, 10});
  ASSERT_TRUE(second.hears<wire::UploadApproved>());
  house_.renew_committer();
  Client third(house_, house_.lab2, "third");
  third.say(wire::QueryStatus{});
  ASSERT_TRUE(house_.committer_hears<ipc::Find>());
  for (const auto& message : house_.to_committer)
    EXPECT_FALSE(std::holds_alternative<ipc::Park>(message)) << "it would park what is served";
}

}  // namespace
}  // namespace dync::receiver
