#include <fcntl.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/ledger/events.h"
#include "schema/names/names.h"
#include "tests/unit/committer/committer_fixture.h"

// dync-committer as it runs, between a receiver, a hasher and a supervisor that the test plays.
namespace dync::committer {
namespace {

using ledger::State;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(CommitterTest, AFileIsPublishedWithItsSidecarsAndRecorded) {
  const auto committed = hood_.send(sample_);
  ASSERT_TRUE(committed) << hood_.process.log();
  const Path item = hood_.process.dropbox() / "sample.raw";
  EXPECT_EQ(in(hood_.process.dropbox()),
            (std::set<std::string>{"sample.raw", ".MARKER_is_finished_sample.raw"}));
  EXPECT_EQ(in(item),
            (std::set<std::string>{"sample.raw", "sample.raw.sha256sum", "sample.raw.origlabfilename",
                                   "sample.raw.metadata.json", "source_dropbox.txt"}));
  EXPECT_EQ(content_of(item / "sample.raw"), "the data");
  EXPECT_EQ(content_of(item / "sample.raw.metadata.json"), sample_.metadata);
  EXPECT_EQ(content_of(item / "source_dropbox.txt"), "user1");
  EXPECT_EQ(content_of(item / "sample.raw.sha256sum"), digest::to_hex(sample_.sha256()) + "\tsample.raw");
  const auto upload = row(committed->upload);
  EXPECT_EQ(upload.state, State::committed);
  EXPECT_EQ(upload.destination, item.string());
  EXPECT_EQ(upload.bytes_received, sample_.content.size());
  EXPECT_EQ(upload.sha256, sample_.sha256());
  EXPECT_EQ(committed->receipt.destination, item.string());
  EXPECT_EQ(committed->receipt.size, sample_.content.size());
  EXPECT_EQ(committed->receipt.committed_at, upload.finished_at);
  EXPECT_THAT(events_of(committed->upload),
              ElementsAre("opened", "received", "verified", "committing", "committed"));
  await_empty(hood_.process.tmp());
  hood_.process.stop();
}

TEST_F(CommitterTest, TheVerdictMayComeFirst) {
  const auto opened = hood_.open(sample_);
  ASSERT_TRUE(opened);
  hood_.write(opened->upload, sample_.content);
  hood_.say_verdict(opened->upload, sample_);
  hood_.receiver.say(ipc::Hello{});
  ASSERT_TRUE(hood_.hear<ipc::Restored>());
  EXPECT_EQ(row(opened->upload).state, State::receiving);
  hood_.say_received(opened->upload, sample_);
  EXPECT_TRUE(hood_.hear<ipc::Committed>());
}

TEST_F(CommitterTest, AnOlderEpochsVerdictDoesNotCount) {
  const auto opened = hood_.open(sample_);
  ASSERT_TRUE(opened);
  hood_.write(opened->upload, sample_.content);
  Sample other = sample_;
  other.content = "the dana";
  hood_.hasher.say(ipc::Verdict{opened->upload, 1, 8, other.sha256(), false, 0, 8});
  hood_.say_received(opened->upload, sample_, 2);
  hood_.say_verdict(opened->upload, sample_, 2);
  EXPECT_TRUE(hood_.hear<ipc::Committed>());
}

TEST_F(CommitterTest, AMismatchFailsAndTheDataIsRemoved) {
  const auto opened = hood_.open(sample_);
  ASSERT_TRUE(opened);
  hood_.write(opened->upload, "the dana");
  hood_.say_received(opened->upload, sample_);
  Sample other = sample_;
  other.content = "the dana";
  hood_.hasher.say(ipc::Verdict{opened->upload, 1, 8, other.sha256(), false, 0, 8});
  const auto failed = hood_.hear<ipc::Failed>();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->refusal.code, wire::Code::refused);
  EXPECT_THAT(failed->refusal.sentence, HasSubstr("SHA-256"));
  EXPECT_EQ(row(opened->upload).state, State::failed);
  EXPECT_EQ(row(opened->upload).error_code, 422U);
  EXPECT_THAT(in(hood_.process.dropbox()), IsEmpty());
  await_empty(hood_.process.tmp());
  EXPECT_TRUE(hood_.send(sample_)) << "the name is free again";
}

TEST_F(CommitterTest, WhatCannotBeReadFails) {
  const auto opened = hood_.open(sample_);
  ASSERT_TRUE(opened);
  hood_.say_received(opened->upload, sample_);
  hood_.hasher.say(ipc::Unreadable{opened->upload, 1, "an I/O error"});
  const auto failed = hood_.hear<ipc::Failed>();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->refusal.code, wire::Code::internal);
}

TEST_F(CommitterTest, WhatCannotBeReadInMidUploadFailsAtOnce) {
  const auto opened = hood_.open(sample_);
  ASSERT_TRUE(opened);
  hood_.hasher.say(ipc::Unreadable{opened->upload, 1, "an I/O error"});
  const auto failed = hood_.hear<ipc::Failed>();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->upload, opened->upload);
  EXPECT_EQ(failed->refusal.code, wire::Code::internal);
  EXPECT_EQ(row(opened->upload).state, State::failed);
  EXPECT_TRUE(hood_.send(sample_)) << "the name is free again";
}

TEST_F(CommitterTest, AFileOfAnotherSizeIsNeverPublished) {
  const auto opened = hood_.open(sample_);
  ASSERT_TRUE(opened);
  hood_.write(opened->upload, sample_.content + "more");
  hood_.say_received(opened->upload, sample_);
  hood_.say_verdict(opened->upload, sample_);
  const auto failed = hood_.hear<ipc::Failed>();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->refusal.code, wire::Code::internal);
  EXPECT_THAT(in(hood_.process.dropbox()), IsEmpty());
}

TEST_F(CommitterTest, AFileThatIsStillOpenForWritingWaitsForItsWriter) {
  const auto opened = hood_.open(sample_);
  ASSERT_TRUE(opened);
  hood_.write(opened->upload, sample_.content);
  posix::Fd writer = posix::open_file(
      names::staging_dir(hood_.process.tmp(), opened->upload) / names::kStagedData, O_WRONLY);
  hood_.say_received(opened->upload, sample_);
  hood_.say_verdict(opened->upload, sample_);
  Sample another = sample_;
  another.filename = "another.raw";
  another.routing_id = "connection 2";
  const auto first = hood_.send(another);
  ASSERT_TRUE(first) << "others are not held up";
  EXPECT_NE(first->upload, opened->upload);
  writer.reset();
  const auto second = hood_.hear<ipc::Committed>();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->upload, opened->upload);
}

TEST_F(CommitterTest, DataThatStaysOpenForWritingIsKept) {
  Sample archive = sample_;
  archive.filename = "archive.tar";
  archive.metadata = R"({"untar":true})";
  archive.routing_id = "connection 2";
  std::vector<std::pair<Path, posix::Fd>> open;
  for (const Sample& sample : {sample_, archive}) {
    const auto opened = hood_.open(sample);
    ASSERT_TRUE(opened);
    hood_.write(opened->upload, sample.content);
    const Path data = names::staging_dir(hood_.process.tmp(), opened->upload) / names::kStagedData;
    open.emplace_back(data, posix::open_file(data, O_WRONLY));
    hood_.say_received(opened->upload, sample);
    hood_.say_verdict(opened->upload, sample);
  }
  for (std::size_t i = 0; i < open.size(); ++i) {
    const auto failed = hood_.hear<ipc::Failed>();
    ASSERT_TRUE(failed);
    EXPECT_THAT(failed->refusal.sentence, HasSubstr("still open for writing"));
    EXPECT_TRUE(hood_.process.reader().row(failed->upload)->session.kept);
  }
  hood_.process.stop();
  for (const auto& [data, writer] : open) EXPECT_EQ(content_of(data), sample_.content);
}

TEST_F(CommitterTest, OneUploadForADestination) {
  const auto opened = hood_.open(sample_);
  ASSERT_TRUE(opened);
  Sample other = sample_;
  other.routing_id = "connection 2";
  const auto busy = hood_.refused(other, 2);
  ASSERT_TRUE(busy);
  EXPECT_EQ(busy->refusal.code, wire::Code::conflict);
  EXPECT_THAT(busy->refusal.sentence, HasSubstr("is being uploaded"));
  hood_.write(opened->upload, sample_.content);
  hood_.say_received(opened->upload, sample_);
  hood_.say_verdict(opened->upload, sample_);
  ASSERT_TRUE(hood_.hear<ipc::Committed>());
  const auto exists = hood_.refused(other, 3);
  ASSERT_TRUE(exists);
  EXPECT_EQ(exists->refusal.code, wire::Code::conflict);
  EXPECT_THAT(exists->refusal.sentence, HasSubstr("exists already"));
  const auto last = hood_.process.reader().last_events(1);
  EXPECT_EQ(last.at(0).event, ledger::events::kRefused);
  EXPECT_FALSE(last.at(0).upload_id);
  EXPECT_THAT(last.at(0).detail, HasSubstr("\"code\":409"));
}

TEST_F(CommitterTest, AnAbortFreesTheName) {
  const auto opened = hood_.open(sample_);
  ASSERT_TRUE(opened);
  hood_.receiver.say(ipc::Progress{opened->upload, 4});
  hood_.receiver.say(ipc::Abort{opened->upload, wire::Code::timeout, "nothing came for an hour"});
  Sample other = sample_;
  other.routing_id = "connection 2";
  ASSERT_TRUE(hood_.open(other, 2));
  EXPECT_EQ(row(opened->upload).state, State::aborted);
  EXPECT_EQ(row(opened->upload).error, "nothing came for an hour");
  EXPECT_EQ(row(opened->upload).bytes_received, 4U);
  EXPECT_THAT(events_of(opened->upload), ElementsAre("opened", "aborted"));
}

TEST_F(CommitterTest, ACheckLeavesNoTrace) {
  sample_.key = ipc::Id::uuid4({});
  ipc::Open message = sample_.open(9);
  message.options->check = true;
  hood_.receiver.say(message);
  const auto opened = hood_.hear<ipc::Opened>();
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->request, 9U);
  EXPECT_TRUE(opened->upload.empty());
  message.filename = ".hidden";
  hood_.receiver.say(message);
  ASSERT_TRUE(hood_.hear<ipc::Refused>());
  EXPECT_THAT(in(hood_.process.tmp()), IsEmpty());
  EXPECT_THAT(hood_.process.reader().uploads({}), IsEmpty());
  EXPECT_EQ(hood_.process.reader().last_events(10).size(), 1U) << "only the start";
}

TEST_F(CommitterTest, TheSameKeyIsTheSameUpload) {
  sample_.key = ipc::Id::uuid4({});
  const auto opened = hood_.open(sample_, 1);
  ASSERT_TRUE(opened);
  const auto again = hood_.open(sample_, 2);
  ASSERT_TRUE(again) << "a post-file that was said again";
  EXPECT_EQ(again->upload, opened->upload);
  Sample elsewhere = sample_;
  elsewhere.routing_id = "connection 2";
  const auto moved = hood_.open(elsewhere, 3);
  ASSERT_TRUE(moved) << "nothing came on the connection that opened it";
  EXPECT_EQ(moved->upload, opened->upload);
  hood_.write(opened->upload, sample_.content);
  hood_.say_received(opened->upload, sample_);
  hood_.say_verdict(opened->upload, sample_);
  const auto committed = hood_.hear<ipc::Committed>();
  ASSERT_TRUE(committed);
  std::filesystem::remove_all(hood_.process.dropbox() / "sample.raw");
  hood_.receiver.say(elsewhere.open(6));
  const auto finished = hood_.hear<ipc::Finished>();
  ASSERT_TRUE(finished) << "also after the consumer took it";
  EXPECT_EQ(finished->receipt.upload_id, opened->upload);
  EXPECT_EQ(finished->receipt.committed_at, committed->receipt.committed_at);
  elsewhere.content = "longer than before";
  EXPECT_EQ(hood_.refused(elsewhere, 7)->refusal.code, wire::Code::conflict);
}

TEST_F(CommitterTest, AnOriginalsConnectionIsItsUpload) {
  const auto opened = hood_.open(sample_);
  ASSERT_TRUE(opened);
  Sample other = sample_;
  other.filename = "other.raw";
  EXPECT_EQ(hood_.refused(other, 2)->refusal.code, wire::Code::conflict);
}

TEST_F(CommitterTest, FindTellsHowAnUploadEnded) {
  hood_.receiver.say(ipc::Find{1, "user1", "nobody"});
  EXPECT_EQ(hood_.hear<ipc::Refused>()->refusal.code, wire::Code::unknown);
  const auto committed = hood_.send(sample_);
  ASSERT_TRUE(committed);
  hood_.receiver.say(ipc::Find{2, "user1", sample_.routing_id});
  EXPECT_EQ(hood_.hear<ipc::Finished>()->receipt.upload_id, committed->upload);
  hood_.receiver.say(ipc::Find{3, "user2", sample_.routing_id});
  EXPECT_EQ(hood_.hear<ipc::Refused>()->refusal.code, wire::Code::unknown) << "another user's connection";
}

TEST_F(CommitterTest, ANewReceiverHearsOfEachLiveUpload) {
  sample_.key = ipc::Id::uuid4({});
  const auto first = hood_.open(sample_);
  Sample other;
  other.filename = "other.raw";
  other.routing_id = std::string("\0\1", 2);
  const auto second = hood_.open(other);
  ASSERT_TRUE(first && second);
  hood_.say_received(second->upload, other, 7);
  hood_.process.kill();
  hood_.process.start();
  hood_.receiver.say(ipc::Hello{});
  std::map<ipc::Id, ipc::Restore> restored;
  for (int i = 0; i < 2; ++i) {
    const auto restore = hood_.hear<ipc::Restore>();
    ASSERT_TRUE(restore);
    restored[restore->upload] = *restore;
  }
  ASSERT_TRUE(hood_.hear<ipc::Restored>());
  EXPECT_EQ(restored.at(first->upload).session.options->key, *sample_.key);
  EXPECT_EQ(restored.at(first->upload).session.options->size, sample_.content.size());
  EXPECT_EQ(restored.at(first->upload).session.filename, sample_.filename);
  EXPECT_FALSE(restored.at(first->upload).client_sha256);
  EXPECT_FALSE(restored.at(second->upload).session.options);
  EXPECT_EQ(restored.at(second->upload).session.routing_id, other.routing_id);
}

TEST_F(CommitterTest, TwoHundredUploadsAtOnce) {
  std::vector<Sample> samples(200);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i].filename = "sample" + std::to_string(i) + ".raw";
    samples[i].routing_id = "connection " + std::to_string(i);
    samples[i].content = "data " + std::to_string(i);
    hood_.receiver.say(samples[i].open(i));
  }
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto opened = hood_.hear<ipc::Opened>();
    ASSERT_TRUE(opened);
    const Sample& sample = samples.at(opened->request);
    hood_.write(opened->upload, sample.content);
    hood_.say_received(opened->upload, sample);
    hood_.say_verdict(opened->upload, sample);
  }
  std::set<ipc::Id> ended;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto committed = hood_.hear<ipc::Committed>();
    ASSERT_TRUE(committed);
    ended.insert(committed->upload);
  }
  EXPECT_EQ(ended.size(), samples.size());
  for (const Sample& sample : samples)
    EXPECT_EQ(content_of(hood_.process.dropbox() / sample.filename / sample.filename), sample.content);
  EXPECT_EQ(hood_.process.reader().count_by_state().at(State::committed), samples.size());
}

TEST_F(CommitterTest, ANewLedgerBesideStagedUploadsIsRefused) {
  ASSERT_TRUE(hood_.open(sample_));
  hood_.process.kill();
  for (const char* suffix : {"", "-wal", "-shm"})
    std::filesystem::remove(hood_.process.ledger().string() + suffix);
  hood_.process.start();
  EXPECT_EQ(hood_.process.wait().code, 78);
  EXPECT_THAT(hood_.process.log(), HasSubstr("belong to the ledger"));
}

TEST_F(CommitterTest, WhatIsNotOursInTmpDirStays) {
  std::filesystem::create_directories(hood_.process.tmp() / ipc::Id::uuid4({}).hex());
  std::ofstream(hood_.process.tmp() / "notes") << "x";
  hood_.process.kill();
  hood_.process.start();
  ASSERT_TRUE(hood_.send(sample_));
  EXPECT_EQ(in(hood_.process.tmp()).count("notes"), 1U);
  EXPECT_EQ(in(hood_.process.tmp()).count(ipc::Id::uuid4({}).hex()), 1U);
}

// A shared tmp_dir: whatever others put there, the server starts.
TEST_F(CommitterTest, NoStrangersEntryKeepsItFromStarting) {
  const Path staging = hood_.process.tmp() / std::string(32, 'b');
  std::filesystem::create_directory(staging);
  std::ofstream(staging / names::kStamp) << std::string(2 * names::kLongestStamp, 'x');
  std::ofstream(hood_.process.tmp() / names::kOrphans) << "a file of that name";
  hood_.process.kill();
  hood_.process.start();
  ASSERT_TRUE(hood_.send(sample_));
  EXPECT_TRUE(std::filesystem::exists(staging / names::kStamp));
}

TEST_F(CommitterTest, WhatAnotherLedgerAdoptedIsNotTouched) {
  const auto opened = hood_.open(sample_);
  ASSERT_TRUE(opened);
  hood_.write(opened->upload, "bytes");
  hood_.process.kill();
  const Path staging = names::staging_dir(hood_.process.tmp(), opened->upload);
  const std::string theirs =
      names::format_stamp({ipc::Id::from_hex(std::string(32, 'c')).value(), opened->upload});
  std::ofstream(staging / names::kStamp) << theirs;
  hood_.process.start({}, true);
  hood_.receiver.say(ipc::Hello{});
  ASSERT_TRUE(hood_.hear<ipc::Restored>());
  EXPECT_EQ(row(opened->upload).state, State::failed);
  EXPECT_EQ(content_of(staging / names::kStamp), theirs);
  EXPECT_EQ(content_of(staging / names::kStagedData), "bytes");
}

TEST_F(CommitterTest, StagedBytesWithoutARowAreSetAside) {
  const auto opened = hood_.open(sample_);
  ASSERT_TRUE(opened);
  hood_.write(opened->upload, "bytes");
  hood_.process.kill();
  const Path staging = names::staging_dir(hood_.process.tmp(), opened->upload);
  const auto stamp = names::parse_stamp(content_of(staging / names::kStamp));
  const ipc::Id stranger = ipc::Id::from_hex(std::string(32, 'a')).value();
  const Path orphan = names::staging_dir(hood_.process.tmp(), stranger);
  std::filesystem::create_directory(orphan);
  std::ofstream(orphan / names::kStamp) << names::format_stamp({stamp->ledger, stranger});
  std::ofstream(orphan / names::kStagedData) << "bytes";
  hood_.process.start();
  hood_.receiver.say(ipc::Hello{});
  ASSERT_TRUE(hood_.hear<ipc::Restored>());
  EXPECT_FALSE(std::filesystem::exists(orphan));
  EXPECT_EQ(content_of(hood_.process.tmp() / names::kOrphans / stranger.hex() / names::kStagedData), "bytes");
  EXPECT_EQ(content_of(staging / names::kStagedData), "bytes") << "a live upload's stay";
}

}  // namespace
}  // namespace dync::committer
