// What a server says: the bytes of the table in both directions, and what a client does not take.
#include <gtest/gtest.h>

#include "tests/unit/wire/frames.h"

namespace dync::wire::server_test {
namespace {

using tests::digest_of;
using tests::Frames;
using tests::id;

ServerMessage good(const Frames& frames) {
  auto result = decode_server(frames.views());
  if (auto* refusal = std::get_if<Refusal>(&result)) {
    ADD_FAILURE() << refusal->sentence;
    return TransferCredit{};
  }
  return std::get<ServerMessage>(result);
}

std::string refused(const Frames& frames) {
  auto result = decode_server(frames.views());
  const auto* refusal = std::get_if<Refusal>(&result);
  if (refusal == nullptr) return "(accepted)";
  EXPECT_EQ(refusal->code, Code::malformed);
  return refusal->sentence;
}

void both_ways(const ServerMessage& message, const Frames& frames) {
  EXPECT_EQ(good(frames), message);
  EXPECT_EQ(tests::on_the_wire(encode(message)), frames.frames());
}

TEST(WireServer, UploadApproved) {
  both_ways(UploadApproved{100, 262144, 101, std::nullopt},
            {"upload-approved", "<00000064>", "<00040000>", "<00000065>"});
  both_ways(UploadApproved{0, 1048576, 64, ApprovalOptions{id(0), id(0x20), 1ULL << 33, 10}},
            {"upload-approved", "<00000000>", "<00100000>", "<00000040>",
             R"({"dync":2,"key":"000102030405060708090a0b0c0d0e0f",)"
             R"("upload_id":"202122232425262728292a2b2c2d2e2f","seek":8589934592,"untar_max_members":10})"});
}

TEST(WireServer, TransferCredit) {
  both_ways(TransferCredit{25}, {"transfer-credit", "<00000019>"});
}

TEST(WireServer, StatusReport) {
  both_ways(StatusReport{0x0102030405060708, 3}, {"status-report", "<0102030405060708>", "<00000003>"});
}

TEST(WireServer, UploadFinished) {
  both_ways(UploadFinished{"5f0c", std::nullopt}, {"upload-finished", "5f0c"});
  both_ways(UploadFinished{"202122232425262728292a2b2c2d2e2f",
                           Receipt{id(0x20), digest_of(0xab), 12, "/data/pdf/a b\"/\xc3\xbc",
                                   "2026-01-31T09:15:02.123Z"}},
            {"upload-finished", "202122232425262728292a2b2c2d2e2f",
             R"({"dync":2,"upload_id":"202122232425262728292a2b2c2d2e2f","sha256":")"
             R"(abababababababababababababababababababababababababababababababab","size":12,)"
             R"("destination":"/data/pdf/a b\"/<c3bc>","committed_at":"2026-01-31T09:15:02.123Z"})"});
}

TEST(WireServer, Error) {
  both_ways(ServerError{422, "no dropbox matches", std::nullopt},
            {"error", "<000001a6>", "no dropbox matches"});
  both_ways(ServerError{409, "exists", id(0)},
            {"error", "<00000199>", "exists", R"({"dync":2,"key":"000102030405060708090a0b0c0d0e0f"})"});
}

// A path of the server may hold any bytes, and an original dies of text that is no UTF-8.
TEST(WireServer, TextIsMadeUtf8) {
  const ServerError message{500, "cannot open /data/\xff\xc3", std::nullopt};
  const Frames frames{"error", "<000001f4>", "cannot open /data/<efbfbdefbfbd>"};
  EXPECT_EQ(tests::on_the_wire(encode(ServerMessage(message))), frames.frames());
  const UploadFinished finished{"x", Receipt{id(1), digest_of(1), 1, "/\xff", "now"}};
  const auto back = good(Frames(tests::on_the_wire(encode(ServerMessage(finished)))));
  EXPECT_EQ(std::get<UploadFinished>(back).receipt->destination, "/\xef\xbf\xbd");
}

TEST(WireServer, FramesOfALaterServerAreIgnored) {
  EXPECT_EQ(good({"transfer-credit", "<00000001>", "new", "more"}), ServerMessage(TransferCredit{1}));
  EXPECT_EQ(good({"status-report", "<0000000000000001>", "<00000002>", ""}),
            ServerMessage(StatusReport{1, 2}));
  const auto approved =
      good({"upload-approved", "<00000001>", "<00000002>", "<00000003>",
            R"({"dync":2,"key":"000102030405060708090a0b0c0d0e0f","upload_id":)"
            R"("202122232425262728292a2b2c2d2e2f","seek":0,"untar_max_members":10,"new":[]})",
            "new"});
  EXPECT_TRUE(std::get<UploadApproved>(approved).options);
}

TEST(WireServer, WhatIsNoMessage) {
  EXPECT_EQ(refused({}), "the server sent an unknown command");
  EXPECT_EQ(refused({"post-file", "<00000000>", "a", "{}"}), "the server sent an unknown command");
  EXPECT_EQ(refused({"transfer-credit"}), "transfer-credit has 1 frames, it must have at least 2");
  EXPECT_EQ(refused({"upload-approved", "<00000001>", "<00000002>"}),
            "upload-approved has 3 frames, it must have at least 4");
  EXPECT_EQ(refused({"status-report", "<0000000000000000>"}),
            "status-report has 2 frames, it must have at least 3");
  EXPECT_EQ(refused({"upload-finished"}), "upload-finished has 1 frames, it must have at least 2");
  EXPECT_EQ(refused({"error", "<00000000>"}), "error has 2 frames, it must have at least 3");
  EXPECT_EQ(refused({"transfer-credit", "1"}),
            "transfer-credit has 1 bytes of amount, it must be an integer of 4 bytes, big-endian");
  EXPECT_EQ(refused({"status-report", "<00000000>", "<00000000>"}),
            "status-report has 4 bytes of seek, it must be an integer of 8 bytes, big-endian");
  EXPECT_EQ(refused({"status-report", "<8000000000000000>", "<00000000>"}),
            "status-report lies beyond 2^63 - 1 bytes, no file is that long");
  EXPECT_EQ(refused({"error", "<00000000>", "<ff>"}), "the message of error is not valid UTF-8");
  EXPECT_EQ(refused({"upload-finished", "<ff>"}), "the upload_id of upload-finished is not valid UTF-8");
}

TEST(WireServer, OptionsThatAreMalformed) {
  EXPECT_EQ(refused({"upload-approved", "<00000001>", "<00000002>", "<00000003>", "{"}),
            "the options of upload-approved are no JSON: it breaks off or goes wrong at byte 2");
  EXPECT_EQ(refused({"upload-approved", "<00000001>", "<00000002>", "<00000003>",
                     R"({"dync":2,"key":"000102030405060708090a0b0c0d0e0f"})"}),
            "the options of upload-approved lack \"upload_id\"");
  EXPECT_EQ(refused({"error", "<00000190>", "x", R"({"dync":2})"}), "the options of error lack \"key\"");
  EXPECT_EQ(refused({"upload-finished", "x",
                     R"({"dync":2,"upload_id":"202122232425262728292a2b2c2d2e2f","sha256":"ab"})"}),
            "the options of upload-finished need 64 hex digits as \"sha256\"");
}

}  // namespace
}  // namespace dync::wire::server_test
