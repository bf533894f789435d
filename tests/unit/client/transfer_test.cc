#include "client/transfer.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>

#include "client/sentences.h"

namespace dync::client {
namespace {

using namespace std::chrono_literals;
using Kind = Want::Kind;

constexpr std::uint32_t kChunk = 100;

wire::Id id_of(int number) {
  std::array<std::byte, 16> bytes{};
  bytes.fill(static_cast<std::byte>(number));
  return wire::Id(bytes);
}

const wire::Id kKey = id_of(1);
const wire::Id kUpload = id_of(2);
const wire::Id kOther = id_of(3);

digest::Digest some_digest() {
  digest::Digest digest{};
  digest.fill(std::byte{7});
  return digest;
}

// A transfer with a clock of its own and a source of `size` bytes.
class TransferTest : public testing::Test {
 protected:
  void start(std::optional<std::uint64_t> size, Start how = {.connected = true}) {
    size_ = size.value_or(1000);
    transfer_.emplace(Upload{"name", "{}", kKey, size, std::nullopt}, Patience{}, how, now_);
  }
  void start_approved(std::uint64_t size, std::uint32_t credit = 64, bool ours = true) {
    start(size);
    expect(Kind::post_file);
    approve(credit, ours);
  }
  void approve(std::uint32_t credit, bool ours = true, std::uint64_t seek = 0) {
    wire::UploadApproved approved{credit, kChunk, 4, std::nullopt};
    if (ours) approved.options = wire::ApprovalOptions{kKey, kUpload, seek, 10};
    transfer_->message(approved, now_);
  }
  void hear(const wire::ServerMessage& message) { transfer_->message(message, now_); }
  Kind wanted() { return transfer_->want(now_).kind; }
  // The next want must be of this kind, and is done.
  Want expect(Kind kind) {
    const Want want = transfer_->want(now_);
    EXPECT_EQ(want.kind, kind);
    if (kind != Kind::chunk) transfer_->sent(want, now_);
    return want;
  }
  // Sends one chunk; returns its seek.
  std::uint64_t send() {
    const Want want = expect(Kind::chunk);
    const std::uint64_t rest = size_ - want.seek;
    const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(rest, want.max_bytes));
    transfer_->sent_chunk(want.seek, bytes, bytes == 0 ? std::optional(some_digest()) : std::nullopt, now_);
    return want.seek;
  }
  void send_all() {
    while (wanted() == Kind::chunk) send();
  }
  void wait(std::chrono::milliseconds time) {
    now_ += time;
    transfer_->tick(now_);
  }
  wire::UploadFinished finished(const wire::Id& id = kUpload) {
    return {id.hex(), wire::Receipt{id, some_digest(), size_, "/box/name", "2026-01-01T00:00:00Z"}};
  }
  std::string failure() {
    const auto* failure = std::get_if<Failure>(&transfer_->outcome());
    return transfer_->over() && failure != nullptr ? failure->sentence : "";
  }
  bool stored() { return transfer_->over() && std::holds_alternative<Stored>(transfer_->outcome()); }

  Time now_{1h};
  std::uint64_t size_ = 0;
  std::optional<Transfer> transfer_;
};

TEST_F(TransferTest, SendsChunksThenAnEmptyLastOneAndIsStoredAtUploadFinished) {
  start_approved(250);
  EXPECT_EQ(send(), 0u);
  EXPECT_EQ(send(), 100u);
  EXPECT_EQ(send(), 200u);
  EXPECT_EQ(transfer_->stage(), Stage::sending);
  EXPECT_EQ(send(), 250u);
  EXPECT_EQ(transfer_->stage(), Stage::verifying);
  EXPECT_EQ(wanted(), Kind::nothing);
  hear(finished());
  EXPECT_TRUE(stored());
  EXPECT_TRUE(transfer_->reusable());
}

TEST_F(TransferTest, NeverSendsMoreChunksThanItsCredit) {
  start_approved(1000, 2);
  send_all();
  EXPECT_EQ(transfer_->position(), 200u);
  EXPECT_EQ(transfer_->stage(), Stage::waiting);
  hear(wire::TransferCredit{3});
  send_all();
  EXPECT_EQ(transfer_->position(), 500u);
}

TEST_F(TransferTest, TheEmptyLastChunkNeedsCreditToo) {
  start_approved(200, 2);
  send_all();
  EXPECT_FALSE(transfer_->digest().has_value());
  hear(wire::TransferCredit{1});
  send_all();
  EXPECT_EQ(transfer_->stage(), Stage::verifying);
}

TEST_F(TransferTest, AnEmptyFileIsOneLastChunk) {
  start_approved(0);
  EXPECT_EQ(send(), 0u);
  hear(finished());
  EXPECT_TRUE(stored());
}

TEST_F(TransferTest, AStatusReportRewindsAndStatesTheCreditAbsolutely) {
  start_approved(1000, 5);
  send_all();
  hear(wire::StatusReport{100, 2});
  EXPECT_EQ(send(), 100u);
  EXPECT_EQ(send(), 200u);
  EXPECT_EQ(wanted(), Kind::nothing);
}

TEST_F(TransferTest, AfterARewindIntoAChunkTheNextOneEndsWhereItEndedBefore) {
  start_approved(1000, 5);
  send_all();
  hear(wire::StatusReport{130, 9});
  const Want want = transfer_->want(now_);
  EXPECT_EQ(want.seek, 130u);
  EXPECT_EQ(want.max_bytes, 70u);
}

TEST_F(TransferTest, AStatusReportAfterTheLastChunkBringsItAgain) {
  start_approved(100);
  send_all();
  hear(wire::StatusReport{100, 4});
  EXPECT_EQ(send(), 100u);
  hear(wire::StatusReport{0, 4});
  EXPECT_EQ(send(), 0u);
}

TEST_F(TransferTest, AReportBeyondWhatWasSentIsRefused) {
  start_approved(1000, 2);
  send_all();
  hear(wire::StatusReport{300, 2});
  expect(Kind::error);
  EXPECT_NE(failure().find("more of the file"), std::string::npos);
}

TEST_F(TransferTest, AnApprovalSaysWhereToGoOn) {
  start(1000);
  expect(Kind::post_file);
  approve(3, true, 300);
  EXPECT_EQ(send(), 300u);
}

TEST_F(TransferTest, AnApprovalBeyondTheFileOrWithoutChunksIsRefused) {
  start(1000);
  expect(Kind::post_file);
  approve(3, true, 1001);
  expect(Kind::error);
  EXPECT_TRUE(transfer_->over());

  start(1000);
  expect(Kind::post_file);
  hear(wire::UploadApproved{1, 0, 4, std::nullopt});
  expect(Kind::error);
  EXPECT_NE(failure().find("0 bytes"), std::string::npos);
}

TEST_F(TransferTest, AfterThirtySecondsOfSilenceItAsksThenOpensANewConnectionWithTheSameId) {
  start_approved(1000, 1);
  send_all();
  wait(29s);
  EXPECT_EQ(wanted(), Kind::nothing);
  wait(1s);
  expect(Kind::query_status);
  wait(29s);
  EXPECT_EQ(wanted(), Kind::nothing);
  wait(1s);
  EXPECT_FALSE(expect(Kind::reopen).fresh_id);
  EXPECT_EQ(wanted(), Kind::nothing);
  transfer_->connection_ready(now_);
  expect(Kind::query_status);
}

TEST_F(TransferTest, ASlowConnectionIsNotTakenForAMuteOne) {
  start_approved(1000, 1);
  send_all();
  for (int i = 0; i < 20; ++i) {
    wait(20s);
    transfer_->link_moved(now_);
  }
  EXPECT_EQ(wanted(), Kind::nothing);
}

TEST_F(TransferTest, GivesUpAfterAnHourOfSilenceAndTellsTheServer) {
  start_approved(1000, 1);
  send_all();
  for (int i = 0; i < 130 && wanted() != Kind::error; ++i) {
    wait(30s);
    if (wanted() == Kind::reopen) {
      expect(Kind::reopen);
      transfer_->connection_ready(now_);
    }
    if (wanted() == Kind::query_status) expect(Kind::query_status);
  }
  EXPECT_GE(now_ - Time(1h), 3600s);
  EXPECT_LE(now_ - Time(1h), 3660s);
  expect(Kind::error);
  EXPECT_NE(failure().find("no answer"), std::string::npos);
}

TEST_F(TransferTest, AnsweredQueriesNeverEndTheUpload) {
  start_approved(1000, 0);
  for (int i = 0; i < 500; ++i) {
    wait(30s);
    expect(Kind::query_status);
    hear(wire::TransferCredit{0});
  }
  EXPECT_EQ(transfer_->stage(), Stage::waiting);
  hear(wire::TransferCredit{64});
  send_all();
  EXPECT_EQ(transfer_->stage(), Stage::verifying);
}

TEST_F(TransferTest, AnIdleSourceGivesASignOfLifeEveryTwentySeconds) {
  start_approved(1000);
  transfer_->source_waits();
  EXPECT_EQ(wanted(), Kind::nothing);
  wait(19s);
  EXPECT_EQ(wanted(), Kind::nothing);
  wait(1s);
  expect(Kind::query_status);
  hear(wire::StatusReport{0, 64});
  transfer_->source_waits();
  wait(20s);
  expect(Kind::query_status);
  transfer_->source_ready();
  EXPECT_EQ(wanted(), Kind::chunk);
}

TEST_F(TransferTest, AfterAReconnectItAsksAtOnceAndSendsNothingBeforeTheAnswer) {
  start_approved(1000, 9);
  send();
  send();
  transfer_->connection_lost(now_);
  EXPECT_EQ(transfer_->stage(), Stage::reconnecting);
  EXPECT_EQ(wanted(), Kind::nothing);
  transfer_->connection_ready(now_);
  expect(Kind::query_status);
  EXPECT_EQ(wanted(), Kind::nothing);
  hear(wire::StatusReport{100, 8});
  EXPECT_EQ(send(), 100u);
  EXPECT_EQ(transfer_->attempts(), 2u);
}

TEST_F(TransferTest, AReportLostWithTheConnectionIsReplacedByAnotherApproval) {
  start_approved(1000, 2);
  send_all();
  transfer_->connection_lost(now_);
  transfer_->connection_ready(now_);
  expect(Kind::query_status);
  hear(wire::TransferCredit{0});  // it reported this position less than 25 s ago
  expect(Kind::post_file);
  approve(2, true, 100);
  EXPECT_EQ(send(), 100u);
}

TEST_F(TransferTest, WithAnOriginalAReconnectNeverPostsTheFileAgain) {
  start_approved(1000, 2, false);
  send_all();
  for (int i = 0; i < 5; ++i) {
    transfer_->connection_lost(now_);
    transfer_->connection_ready(now_);
    expect(Kind::query_status);
    hear(wire::TransferCredit{0});
    EXPECT_EQ(wanted(), Kind::nothing);
    wait(30s);
    expect(Kind::query_status);
    hear(wire::StatusReport{100, 1});
    send_all();
  }
  EXPECT_FALSE(transfer_->reusable());
}

TEST_F(TransferTest, APostFileWhoseAnswerIsLostIsPostedAgainUnderAFreshRoutingId) {
  start(1000);
  expect(Kind::post_file);
  transfer_->connection_lost(now_);
  wait(300ms);
  EXPECT_TRUE(expect(Kind::reopen).fresh_id);
  transfer_->connection_ready(now_);
  expect(Kind::post_file);

  start(1000);
  expect(Kind::post_file);
  wait(30s);
  EXPECT_TRUE(expect(Kind::reopen).fresh_id);
  transfer_->connection_ready(now_);
  expect(Kind::post_file);
  wait(30s);
  EXPECT_EQ(wanted(), Kind::nothing) << "a slow original is not flooded";
  wait(30s);
  expect(Kind::reopen);
}

TEST_F(TransferTest, OnASharedConnectionOnlyTheEchoedKeyAnswers) {
  start(300, {.connected = true, .ours = true, .shared = true});
  expect(Kind::post_file);
  hear(wire::UploadApproved{9, kChunk, 4, std::nullopt});
  hear(wire::UploadApproved{9, kChunk, 4, wire::ApprovalOptions{kOther, kUpload, 0, 10}});
  hear(finished(kOther));
  hear(wire::TransferCredit{5});
  hear(wire::StatusReport{0, 5});
  hear(wire::ServerError{409, "late", std::nullopt});
  hear(wire::ServerError{409, "late", kOther});
  EXPECT_EQ(transfer_->stage(), Stage::asking);
  approve(9);
  send_all();
  hear(finished(kOther));
  EXPECT_FALSE(transfer_->over());
  hear(finished());
  EXPECT_TRUE(stored());
}

TEST_F(TransferTest, OnASharedConnectionWithoutAKeyedAnswerAFreshOneIsTried) {
  start(300, {.connected = true, .ours = true, .shared = true});
  expect(Kind::post_file);
  hear(wire::ServerError{400, "unreadable", std::nullopt});
  wait(30s);
  expect(Kind::reopen);
  transfer_->connection_ready(now_);
  expect(Kind::post_file);
  hear(wire::ServerError{400, "unreadable", std::nullopt});
  EXPECT_NE(failure().find("unreadable"), std::string::npos);
}

TEST_F(TransferTest, RefusalsAreFinalAndSayWhatTheServerSaid) {
  for (const std::uint32_t code : {400u, 403u, 404u, 408u, 409u, 413u, 422u, 429u, 500u, 507u, 999u}) {
    start(300);
    expect(Kind::post_file);
    hear(wire::ServerError{code, "because of this", kKey});
    EXPECT_NE(failure().find("because of this"), std::string::npos) << code;
    EXPECT_NE(failure().find(std::to_string(code)), std::string::npos);
    EXPECT_EQ(wanted(), Kind::nothing) << "the server is not told about its own error";
  }
}

TEST_F(TransferTest, AStoppingServerIsAskedAgainWithGrowingPauses) {
  start(300);
  std::vector<std::chrono::milliseconds> pauses;
  for (int i = 0; i < 12; ++i) {
    expect(Kind::post_file);
    hear(wire::ServerError{503, "stopping", kKey});
    EXPECT_EQ(transfer_->stage(), Stage::refused_for_now);
    const Time before = now_;
    while (wanted() == Kind::nothing) wait(50ms);
    pauses.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(now_ - before));
  }
  EXPECT_LE(pauses.front(), 1s);
  EXPECT_EQ(pauses.back(), 30s);
  expect(Kind::post_file);
  approve(9);
  EXPECT_EQ(transfer_->stage(), Stage::sending);
}

TEST_F(TransferTest, AStoppingServerIsGivenUpAfterTheTimeout) {
  start(300);
  while (!transfer_->over() && now_ < Time(4h)) {
    if (wanted() == Kind::post_file) {
      expect(Kind::post_file);
      hear(wire::ServerError{503, "stopping", kKey});
    }
    wait(1s);
  }
  EXPECT_NE(failure().find("no answer"), std::string::npos);
}

TEST_F(TransferTest, ASessionThatTheServerLostIsFoundAgainByItsKeyButNotForEver) {
  start_approved(1000, 3);
  send();
  for (int i = 0; i < 3; ++i) {
    hear(wire::ServerError{404, "no such upload", std::nullopt});
    expect(Kind::post_file);
    approve(3, true, 100);
    EXPECT_EQ(send(), 100u);
  }
  hear(wire::ServerError{404, "no such upload", std::nullopt});
  EXPECT_NE(failure().find("404"), std::string::npos);
}

TEST_F(TransferTest, AStolenRoutingIdIsLeftForAFreshOne) {
  start_approved(1000, 3);
  send();
  hear(wire::ServerError{403, "not your upload", std::nullopt});
  EXPECT_TRUE(expect(Kind::reopen).fresh_id);
  transfer_->connection_ready(now_);
  expect(Kind::post_file);
}

TEST_F(TransferTest, AnOriginalThatForgotTheUploadAfterItsLastChunkLeavesItOpen) {
  start_approved(100, 9, false);
  send_all();
  hear(wire::ServerError{500, std::string(kOriginalForgot), std::nullopt});
  EXPECT_NE(failure().find("may have arrived"), std::string::npos);
}

TEST_F(TransferTest, AnOriginalsUploadFinishedIsTakenWithoutAReceipt) {
  start_approved(100, 9, false);
  hear(wire::UploadFinished{"abc", std::nullopt});
  EXPECT_FALSE(stored()) << "nothing was sent yet";

  start_approved(100, 9, false);
  send_all();
  hear(wire::UploadFinished{"abc", std::nullopt});
  ASSERT_TRUE(stored());
  EXPECT_EQ(std::get<Stored>(transfer_->outcome()).upload_id, "abc");
}

TEST_F(TransferTest, AReceiptForOtherBytesIsNoSuccess) {
  start_approved(100);
  send_all();
  auto message = finished();
  message.receipt->sha256.fill(std::byte{8});
  hear(message);
  EXPECT_FALSE(stored());
  EXPECT_TRUE(transfer_->over());
}

TEST_F(TransferTest, ItsOwnFailureIsToldToTheServerOnlyIfItKnowsTheUpload) {
  start_approved(1000);
  send();
  transfer_->fail("changed", now_);
  EXPECT_EQ(wanted(), Kind::error);
  EXPECT_EQ(transfer_->error().message, "changed");
  EXPECT_FALSE(transfer_->over());
  wait(1s);
  EXPECT_TRUE(transfer_->over()) << "it does not wait for a connection that takes nothing";

  start(1000, {.connected = false});
  transfer_->fail("changed", now_);
  EXPECT_TRUE(transfer_->over());
}

// ---- loss, repetition and reordering: whatever happens, the upload ends well ----

// A server of ours in a few lines: takes chunks in order within its credit, reports a gap once.
struct SmallServer {
  std::uint64_t size;
  bool ours;
  std::uint64_t seek = 0;
  std::uint32_t credit = 4;
  bool opened = false, done = false;
  Time reported{};
  std::vector<wire::ServerMessage> out;

  void report(Time now) {
    const bool again = now - reported < 25s && ours;
    reported = again ? reported : now;
    out.push_back(again ? wire::ServerMessage(wire::TransferCredit{0}) : wire::StatusReport{seek, credit});
  }
  void post() {
    if (done) return finish();
    opened = true;
    wire::UploadApproved approved{credit, kChunk, 4, std::nullopt};
    if (ours) approved.options = wire::ApprovalOptions{kKey, kUpload, seek, 10};
    out.emplace_back(approved);
  }
  void finish() {
    done = true;
    out.emplace_back(wire::UploadFinished{
        kUpload.hex(), ours ? std::optional(wire::Receipt{kUpload, some_digest(), size, "", ""}) : std::nullopt});
  }
  void chunk(std::uint64_t at, std::uint64_t bytes, bool last, Time now) {
    if (done) return finish();
    if (at > seek && ours) return report(now);
    if (at != seek) return;
    ASSERT_GT(credit, 0u) << "more than the credit";
    --credit;
    seek += bytes;
    if (last) return finish();
    credit += 1;
    out.emplace_back(wire::TransferCredit{1});
  }
};

class LossyTest : public TransferTest, public testing::WithParamInterface<int> {};

TEST_P(LossyTest, TheUploadEndsWellWhateverIsLost) {
  const bool ours = GetParam() % 2 == 0;
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  const auto chance = [&](int percent) { return static_cast<int>(random() % 100) < percent; };
  start(2050);
  SmallServer server{.size = 2050, .ours = ours, .out = {}};
  int steps = 0;
  for (; !transfer_->over() && steps < 20000; ++steps) {
    const bool calm = steps > 3000;
    const Want want = transfer_->want(now_);
    const bool lost = !calm && chance(20);
    if (want.kind == Kind::chunk) {
      const auto bytes = std::min<std::uint64_t>(size_ - want.seek, want.max_bytes);
      transfer_->sent_chunk(want.seek, bytes, bytes == 0 ? std::optional(some_digest()) : std::nullopt, now_);
      if (!lost) server.chunk(want.seek, bytes, bytes == 0, now_);
      if (!lost && ours && chance(5)) server.chunk(want.seek, bytes, bytes == 0, now_);
    } else if (want.kind == Kind::nothing) {
      wait(1s);
    } else {
      transfer_->sent(want, now_);
      if (want.kind == Kind::reopen) transfer_->connection_ready(now_);
      if (want.kind == Kind::post_file && !(lost && ours)) server.post();
      if (want.kind == Kind::query_status && !lost && server.opened) {
        server.done ? server.finish() : server.report(now_);
      }
    }
    if (!calm && transfer_->approved() && chance(2)) {
      server.out.clear();
      transfer_->connection_lost(now_);
      transfer_->connection_ready(now_);
    }
    const auto answers = std::exchange(server.out, {});
    for (const auto& answer : answers) {
      if (calm || !transfer_->approved() || !chance(10)) hear(answer);
    }
  }
  EXPECT_TRUE(stored()) << failure() << " after " << steps << " steps, at " << server.seek;
}

INSTANTIATE_TEST_SUITE_P(Seeds, LossyTest, testing::Range(0, 200));

}  // namespace
}  // namespace dync::client
