#include "committer/admission.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
