#include <gtest/gtest.h>
#include <random>
#include <utility>
#include <vector>

#include "tests/unit/client/transfer_fixture.h"

namespace dync::client::transfer_lossy_test {
namespace {

// ---- loss, repetition and reordering: whatever happens, the upload ends well ----

// A server of ours in a few lines: takes chunks in order within its credit, reports a gap once.
struct SmallServer {
  std::uint64_t size;
  bool ours;
  std::uint32_t chunk_size;
  std::uint64_t seek = 0;
  std::uint32_t credit = 4;
  std::uint32_t unwritten = 0;
  bool opened = false, done = false;
  Time reported_at{};
  std::optional<std::uint64_t> reported;
  std::vector<wire::ServerMessage> out;

  void report(Time now) {
    const bool again = now - reported_at < 25s && reported == seek && ours;
    if (!again) reported_at = now;
    reported = seek;
    out.push_back(again ? wire::ServerMessage(wire::TransferCredit{0}) : wire::StatusReport{seek, credit});
  }
  void post() {
    if (done) return finish();
    opened = true;
    wire::UploadApproved approved{credit, chunk_size, 4, std::nullopt};
    if (ours) approved.options = wire::ApprovalOptions{kKey, kUpload, seek, 10};
    out.emplace_back(approved);
  }
  void finish() {
    done = true;
    out.emplace_back(wire::UploadFinished{
        kUpload.hex(),
        ours ? std::optional(wire::Receipt{kUpload, some_digest(), size, "", ""}) : std::nullopt});
  }
  void chunk(std::uint64_t at, std::uint64_t bytes, bool last, Time now) {
    if (done) return finish();
    if (at > seek && ours) return report(now);
    if (at != seek) return;
    ASSERT_GT(credit, 0u) << "more than the credit";
    --credit;
    seek += bytes;
    if (last) return finish();
    ++unwritten;
  }
  // What was taken is written later, and only that brings credit.
  void write() {
    if (unwritten == 0 || done) return;
    credit += unwritten;
    out.emplace_back(wire::TransferCredit{std::exchange(unwritten, 0)});
  }
};

class LossyTest : public TransferTest, public testing::WithParamInterface<int> {};

TEST_P(LossyTest, TheUploadEndsWellWhateverIsLost) {
  const bool ours = GetParam() % 2 == 0;
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  const auto chance = [&](int percent) { return static_cast<int>(random() % 100) < percent; };
  const bool asks = GetParam() % 4 < 2;  // whether chunks are large enough to be asked about
  const std::uint32_t chunk_size = asks ? 64 * 1024 : kChunk;
  start(20ULL * chunk_size + 50);
  SmallServer server{.size = size_, .ours = ours, .chunk_size = chunk_size, .reported = {}, .out = {}};
  int asked = 0;
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
      server.write();
    } else {
      transfer_->sent(want, now_);
      if (want.routine) ++asked;
      if (want.kind == Kind::reopen) transfer_->connection_ready(now_);
      if (want.kind == Kind::post_file && !(lost && ours)) server.post();
      if (want.kind == Kind::query_status && !lost && server.opened) {
        server.done ? server.finish() : server.report(now_);
      }
    }
    if (chance(20)) server.write();
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
  EXPECT_TRUE(asked > 0 || !asks);
  EXPECT_TRUE(stored()) << failure() << " after " << steps << " steps, at " << server.seek;
}

INSTANTIATE_TEST_SUITE_P(Seeds, LossyTest, testing::Range(0, 400));

}  // namespace
}  // namespace dync::client::transfer_lossy_test
