#include "committer/admission.h"

#include <fcntl.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/posix/file.h"
#include "schema/ledger/writer.h"
#include "tests/unit/committer/temporary_directory.h"

namespace dync::committer {
namespace {

using ::testing::HasSubstr;
using wire::Code;

class AdmissionTest : public ::testing::Test {
 protected:
  AdmissionTest() {
    for (const char* name : {"tmp", "store", "box"})
      std::filesystem::create_directory(directory_.path() / name);
  }

  config::Config make_config() const {
    const std::string base = directory_.path().string();
    return config::parse(
        "address: \"tcp://*:*\"\nlimits: {max_uploads_per_user: 2}\nstorage:\n  tmp_dir: " + base +
            "/tmp\n  path: " + base + "/store\n  dropboxes:\n    - {regexp: \".*raw$\", path: " + base +
            "/box, requires_barcode: no}\n",
        "/etc/test.yaml", "/root");
  }

  static ipc::Open open(const std::string& name, const std::string& routing_id, std::optional<Id> key = {}) {
    ipc::Open message;
    message.user = "user1";
    message.routing_id = routing_id;
    message.filename = name;
    message.metadata = "{}";
    if (key) {
      message.options.emplace();
      message.options->key = *key;
      message.options->size = 3;
    }
    return message;
  }

  // A live upload, as the committer takes one up.
  Job& live(const ipc::Open& message, ledger::State state = ledger::State::receiving) {
    Job job;
    job.opening = false;
    job.row.upload.upload_id = Id::uuid4({std::byte{++last_}});
    job.row.upload.origin = message.user;
    job.row.upload.filename = message.filename;
    job.row.upload.metadata = message.metadata;
    job.row.upload.destination = (directory_.path() / "box" / message.filename).string();
    job.row.upload.state = state;
    job.row.session.routing_id = message.routing_id;
    job.row.session.reserves = job.row.upload.destination;
    if (message.options) {
      job.row.session.key = message.options->key;
      job.row.upload.size_declared = message.options->size;
    }
    return jobs_.add(std::move(job));
  }

  void park(Job& job) {
    jobs_.change(job, [](ledger::Row& row) {
      row.session.reserves.reset();
      row.session.parked_seconds = 0;
    });
  }

  Code code(const ipc::Open& message) { return refusal(message).code; }
  wire::Refusal refusal(const ipc::Open& message) {
    const Answer answer = admission_.judge(message);
    const auto* refused = std::get_if<wire::Refusal>(&answer);
    return refused != nullptr ? *refused : wire::Refusal{Code{}, "not refused"};
  }

  unsigned char last_ = 0;
  TemporaryDirectory directory_;
  config::Config config_ = (std::filesystem::create_directory(directory_.path() / "store"), make_config());
  ledger::Writer writer_{directory_.path() / "store" / "dync.sqlite"};
  Jobs jobs_;
  Admission admission_{config_, writer_.read(), jobs_};
};

TEST_F(AdmissionTest, AGoodOneIsAccepted) {
  const Answer answer = admission_.judge(open("a.raw", "1"));
  ASSERT_TRUE(std::holds_alternative<Accepted>(answer));
  EXPECT_EQ(std::get<Accepted>(answer).destination.clean_name, "a.raw");
}

TEST_F(AdmissionTest, RulesRefuseFirst) {
  EXPECT_EQ(code(open("a.txt", "1")), Code::refused);
  EXPECT_EQ(code(open("../a.raw", "1")), Code::malformed);
}

TEST_F(AdmissionTest, ADestinationThatIsReservedOrTaken) {
  live(open("a.raw", "1"));
  EXPECT_THAT(refusal(open("a.raw", "2")).sentence, HasSubstr("is being uploaded"));
  std::filesystem::create_directory(directory_.path() / "box" / "b.raw");
  EXPECT_THAT(refusal(open("b.raw", "2")).sentence, HasSubstr("exists already"));
  std::ofstream(directory_.path() / "box" / ".MARKER_is_finished_c.raw") << "";
  EXPECT_THAT(refusal(open("c.raw", "2")).sentence, HasSubstr("marker"));
}

TEST_F(AdmissionTest, AUserHasSoManyUploadsAtOnce) {
  live(open("a.raw", "1"));
  Job& second = live(open("b.raw", "2"));
  EXPECT_EQ(code(open("c.raw", "3")), Code::over_credit);
  ipc::Open other = open("c.raw", "3");
  other.user = "user2";
  EXPECT_TRUE(std::holds_alternative<Accepted>(admission_.judge(other)));
  jobs_.remove(second.id());
  EXPECT_TRUE(std::holds_alternative<Accepted>(admission_.judge(open("c.raw", "3"))));
}

TEST_F(AdmissionTest, TheSamePostFileSaidAgain) {
  const Id key = Id::uuid4({});
  Job& job = live(open("a.raw", "1", key));
  const Answer again = admission_.judge(open("a.raw", "1", key));
  ASSERT_TRUE(std::holds_alternative<Again>(again));
  EXPECT_EQ(std::get<Again>(again).job, &job);
  ipc::Open longer = open("a.raw", "1", key);
  longer.options->size = 4;
  EXPECT_THAT(refusal(longer).sentence, HasSubstr("has changed"));
  job.row.upload.bytes_received = 1;
  EXPECT_EQ(code(open("a.raw", "1", key)), Code::conflict) << "the receiver has its session";
}

TEST_F(AdmissionTest, AnUploadThatHasNotBegunFollowsItsClientToAnotherConnection) {
  const Id key = Id::uuid4({});
  Job& job = live(open("a.raw", "1", key));
  const Answer moved = admission_.judge(open("b.raw", "2", key));
  ASSERT_TRUE(std::holds_alternative<Resumed>(moved));
  EXPECT_EQ(std::get<Resumed>(moved).job, &job);
  EXPECT_EQ(std::get<Resumed>(moved).destination.clean_name, "b.raw");
  EXPECT_TRUE(std::holds_alternative<Resumed>(admission_.judge(open("a.raw", "2", key))))
      << "it holds its own destination";
  job.row.upload.bytes_received = 1;
  EXPECT_EQ(code(open("a.raw", "2", key)), Code::conflict);
}

TEST_F(AdmissionTest, AParkedUploadGoesOnWhereTheRulesAllowIt) {
  const Id key = Id::uuid4({});
  Job& job = live(open("a.raw", "1", key));
  park(job);
  const Answer answer = admission_.judge(open("b.raw", "2", key));
  ASSERT_TRUE(std::holds_alternative<Resumed>(answer));
  EXPECT_EQ(std::get<Resumed>(answer).job, &job);
  EXPECT_EQ(code(open("b.txt", "2", key)), Code::refused);
  ipc::Open longer = open("a.raw", "2", key);
  longer.options->size = 4;
  EXPECT_THAT(refusal(longer).sentence, HasSubstr("has changed"));
}

TEST_F(AdmissionTest, AParkedUploadReservesNothing) {
  const Id key = Id::uuid4({});
  park(live(open("a.raw", "1", key)));
  EXPECT_TRUE(std::holds_alternative<Accepted>(admission_.judge(open("a.raw", "2"))));
  Job& other = live(open("a.raw", "2"));
  EXPECT_THAT(refusal(open("a.raw", "1", key)).sentence, HasSubstr("is being uploaded"));
  jobs_.remove(other.id());
  EXPECT_TRUE(std::holds_alternative<Resumed>(admission_.judge(open("a.raw", "1", key))));
  std::filesystem::create_directory(directory_.path() / "box" / "a.raw");
  EXPECT_THAT(refusal(open("a.raw", "1", key)).sentence, HasSubstr("exists already"));
}

TEST_F(AdmissionTest, ParkedUploadsAreNotCountedUntilTheyGoOn) {
  const Id key = Id::uuid4({});
  park(live(open("a.raw", "1", key)));
  live(open("b.raw", "2"));
  EXPECT_TRUE(std::holds_alternative<Accepted>(admission_.judge(open("c.raw", "3"))));
  live(open("c.raw", "3"));
  EXPECT_EQ(code(open("a.raw", "4", key)), Code::over_credit);
}

TEST_F(AdmissionTest, AParkedUploadHasNoConnection) {
  park(live(open("a.raw", "1", Id::uuid4({}))));
  EXPECT_TRUE(std::holds_alternative<Accepted>(admission_.judge(open("b.raw", "1"))));
}

TEST_F(AdmissionTest, NearItsEndTheAnswerComesWithTheEnd) {
  const Id key = Id::uuid4({});
  Job& job = live(open("a.raw", "1", key), ledger::State::committing);
  EXPECT_TRUE(std::holds_alternative<Later>(admission_.judge(open("a.raw", "2", key))));
  job.row.upload.state = ledger::State::received;
  EXPECT_TRUE(std::holds_alternative<Later>(admission_.judge(open("a.raw", "2", key))));
  ipc::Find find;
  find.user = "user1";
  find.routing_id = "1";
  EXPECT_TRUE(std::holds_alternative<Later>(admission_.find(find)));
}

TEST_F(AdmissionTest, AnOriginalsOtherFileNeverGetsTheFirstOnesReceipt) {
  live(open("a.raw", "1"), ledger::State::committing);
  EXPECT_TRUE(std::holds_alternative<Later>(admission_.judge(open("a.raw", "1"))));
  EXPECT_EQ(code(open("b.raw", "1")), Code::conflict);
}

// Of the disk as it is now, but for so many bytes, is kept back.
class AdmissionByRoom : public AdmissionTest {
 protected:
  static constexpr std::uint64_t kGiB = 1ULL << 30;
  void leave(std::uint64_t bytes) {
    config::Config changed = config_;
    changed.limits.max_uploads_per_user = 10;
    const std::uint64_t free = posix::space_of(directory_.path()).free;
    changed.limits.min_free_space = bytes == 0 ? 2 * free : free - bytes;
    admission_.use(changed);
  }
  ipc::Open sized(const std::string& name, std::uint64_t size) {
    ipc::Open message = open(name, name, Id::uuid4({std::byte{++keys_}}));
    message.options->size = size;
    return message;
  }
  ipc::Open stream(const std::string& name) {
    ipc::Open message = open(name, name);
    message.chunk_size = 1U << 20;
    return message;
  }
  bool admitted(const ipc::Open& message) { return refusal(message).sentence == "not refused"; }

  unsigned char keys_ = 100;
};

TEST_F(AdmissionByRoom, WhatDoesNotFitHearsWhatIsFreeAndWhatIsNeeded) {
  leave(2 * kGiB);
  EXPECT_TRUE(admitted(sized("a.raw", kGiB)));
  const wire::Refusal why = refusal(sized("b.raw", 5 * kGiB / 2));
  EXPECT_EQ(why.code, Code::no_space);
  EXPECT_THAT(why.sentence, HasSubstr("needs 2684354560 bytes (2.5 GiB); send it again when there is room"));
  EXPECT_THAT(why.sentence, HasSubstr(" GiB) free in " + (directory_.path() / "tmp").string()));
}

TEST_F(AdmissionByRoom, WhatOthersStillHaveToReceiveIsNotFree) {
  leave(3 * kGiB);
  Job& first = live(sized("a.raw", 2 * kGiB));
  EXPECT_EQ(code(sized("b.raw", 2 * kGiB)), Code::no_space);
  EXPECT_TRUE(admitted(sized("b.raw", kGiB / 2)));
  park(first);
  EXPECT_TRUE(admitted(sized("b.raw", 2 * kGiB))) << "nobody sends it";
}

TEST_F(AdmissionByRoom, WhatOthersHaveReceivedIsCountedOnce) {
  leave(3 * kGiB);
  const Job& first = live(sized("a.raw", 2 * kGiB));
  const auto staging = directory_.path() / "tmp" / first.id().hex();
  std::filesystem::create_directory(staging);
  const posix::Fd data = posix::open_file(staging / "data", O_RDWR | O_CREAT);
  ASSERT_TRUE(posix::allocate_ahead(data.get(), 2 * kGiB));
  leave(2 * kGiB);
  EXPECT_TRUE(admitted(sized("b.raw", 3 * kGiB / 2))) << "its blocks are taken already";
}

TEST_F(AdmissionByRoom, AStreamNeedsRoomForAChunkAndItsCreditIsUsed) {
  leave(3 * kGiB);
  ipc::Open message = stream("a.raw");
  EXPECT_TRUE(admitted(message));
  message.promised = 4 * kGiB;
  EXPECT_EQ(code(message), Code::no_space);
  message = sized("b.raw", 2 * kGiB);
  message.promised = 2 * kGiB;
  EXPECT_EQ(code(message), Code::no_space);
  leave(0);
  EXPECT_EQ(code(stream("c.raw")), Code::no_space);
}

TEST_F(AdmissionByRoom, AResumeNeedsOnlyWhatIsMissing) {
  const ipc::Open message = sized("a.raw", 3 * kGiB);
  Job& first = live(message);
  park(first);
  leave(2 * kGiB);
  EXPECT_EQ(code(message), Code::no_space);
  const auto staging = directory_.path() / "tmp" / first.id().hex();
  std::filesystem::create_directory(staging);
  const posix::Fd data = posix::open_file(staging / "data", O_RDWR | O_CREAT);
  ASSERT_TRUE(posix::allocate_ahead(data.get(), 2 * kGiB));
  leave(2 * kGiB);
  EXPECT_TRUE(std::holds_alternative<Resumed>(admission_.judge(message)));
}

TEST_F(AdmissionByRoom, WhatIsCompleteIsAnsweredOnAFullDiskToo) {
  const ipc::Open message = sized("a.raw", 3);
  live(message, ledger::State::received);
  leave(0);
  EXPECT_TRUE(std::holds_alternative<Later>(admission_.judge(message)));
}

TEST_F(AdmissionTest, AnotherConfigurationCountsFromNowOn) {
  live(open("a.raw", "1"));
  config::Config changed = config_;
  changed.storage.dropboxes.at(0).regexp = ".*txt$";
  changed.limits.max_uploads_per_user = 1;
  admission_.use(changed);
  EXPECT_EQ(code(open("b.raw", "2")), Code::refused);
  EXPECT_EQ(code(open("b.txt", "2")), Code::over_credit);
  changed.storage.dropboxes.at(0).regexp = "(";
  EXPECT_THROW(admission_.use(changed), config::Error);
  EXPECT_EQ(code(open("b.txt", "2")), Code::over_credit) << "the last good one still counts";
}

TEST_F(AdmissionTest, ADropboxThatIsGoneIsTheServersFault) {
  std::filesystem::remove(directory_.path() / "box");
  EXPECT_EQ(code(open("a.raw", "1")), Code::internal);
}

TEST_F(AdmissionTest, AnotherUsersKeyIsNobodysBusiness) {
  const Id key = Id::uuid4({});
  live(open("a.raw", "1", key));
  ipc::Open other = open("b.raw", "1", key);
  other.user = "user2";
  EXPECT_TRUE(std::holds_alternative<Accepted>(admission_.judge(other)));
}

}  // namespace
}  // namespace dync::committer
