#include <fstream>
#include <gtest/gtest.h>
#include <signal.h>

#include "proto/posix/file.h"
#include "schema/limits/limits.h"
#include "tests/unit/receiver/house.h"

// The real dync-receiver, from the outside.
namespace dync::receiver {
namespace {

using limits::kMiB;

using namespace std::chrono_literals;

// Bytes; what a sanitizer keeps for itself says nothing about ours.
#if defined(DYNC_SANITIZED)
constexpr std::size_t kMostMemory = ~std::size_t{0};
#else
constexpr std::size_t kMostMemory = 64 * kMiB;
#endif

std::size_t anonymous_memory_of(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  std::size_t kib = 0;
  while (status >> word)
    if (word == "RssAnon:") status >> kib;
  return kib * 1024;
}

class Program : public testing::Test {
 protected:
  wire::PostFile ours(std::optional<std::uint64_t> size = {}) {
    return {"a.bin", "{}", wire::PostFileOptions{key_, size, {}, false, {}}};
  }
  // A session up to its approval.
  wire::UploadApproved approved(Client& client, const wire::PostFile& post) {
    client.say(post);
    open_ = house_.open_as(upload_);
    EXPECT_TRUE(open_);
    const auto approval = client.hears<wire::UploadApproved>();
    EXPECT_TRUE(approval);
    return approval.value_or(wire::UploadApproved{});
  }
  wire::Receipt receipt(std::string_view content) {
    return {upload_, sha256_of(content), content.size(), "box/a.bin", "2026-01-01T00:00:00Z"};
  }
  void expect_stored(std::string_view content) {
    const std::string found = posix::read_file(house_.data_of(upload_), 1ULL << 31);
    EXPECT_TRUE(found == content) << "the staged file differs, " << found.size() << " bytes";
  }

  House house_;
  wire::Id upload_ = some_id(), key_ = some_id();
  std::optional<ipc::Open> open_;
};

TEST_F(Program, AFileGoesFromTheFirstMessageToItsReceipt) {
  house_.start_receiver();
  Client client(house_, house_.lab1, "r1");
  const std::string content = content_of(10 * kMiB + 777);
  const auto approval = approved(client, ours(content.size()));
  EXPECT_EQ(open_->user, "lab1");
  EXPECT_EQ(open_->routing_id, "r1");
  EXPECT_EQ(open_->filename, "a.bin");
  EXPECT_EQ(open_->chunk_size, kMiB);
  EXPECT_EQ(open_->max_queue, 64U);
  EXPECT_EQ(approval.chunk_size, kMiB);
  EXPECT_EQ(approval.options->upload_id, upload_);

  ASSERT_TRUE(client.send_file(content, approval.credit, approval.chunk_size));
  const auto received = house_.committer_hears<ipc::AllReceived>();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->upload, upload_);
  EXPECT_EQ(received->size, content.size());
  EXPECT_EQ(received->client_sha256, sha256_of(content));
  EXPECT_EQ(received->counters.direct + received->counters.buffered, content.size());
  EXPECT_GE(received->counters.direct, 10 * kMiB) << "whole chunks go past the page cache";
  expect_stored(content);

  const auto begin = house_.hasher_hears<ipc::Begin>();
  ASSERT_TRUE(begin);
  EXPECT_EQ(begin->epoch, received->epoch);
  std::uint64_t hinted = 0;
  for (const auto& message : house_.to_hasher)
    if (const auto* chunk = std::get_if<ipc::Chunk>(&message)) hinted += chunk->length;
  EXPECT_EQ(hinted, 10 * kMiB) << "all but the small tail can be hashed in slots";
  EXPECT_TRUE(house_.hints_were_true);
  const auto end = house_.hasher_hears<ipc::End>();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->size, content.size());

  house_.committer_says(ipc::Committed{upload_, receipt(content)});
  const auto finished = client.hears<wire::UploadFinished>();
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->upload_id, upload_.hex());
  EXPECT_EQ(finished->receipt, receipt(content));
  EXPECT_TRUE(house_.hasher_hears<ipc::Drop>());
  EXPECT_EQ(house_.memory->mark(begin->mark).used.load(), 0U);

  client.say(wire::QueryStatus{});
  EXPECT_TRUE(client.hears<wire::UploadFinished>()) << "it may have got lost, so it is told again";

  upload_ = some_id();
  key_ = some_id();
  approved(client, ours());  // the next file on the same connection
}

TEST_F(Program, AnOriginalsFileAndASmallOneSkipNothing) {
  house_.start_receiver();
  Client client(house_, house_.lab2, "original");
  const std::string content = content_of(3 * kMiB);
  const auto approval = approved(client, {"b.txt", "{}", {}});
  EXPECT_FALSE(approval.options);
  EXPECT_EQ(approval.chunk_size, 256 * 1024U);
  EXPECT_EQ(approval.max_queue, 100U);
  EXPECT_EQ(approval.credit, limits::kFirstWindow / limits::kOriginalChunk);
  ASSERT_TRUE(client.send_file(content, approval.credit, approval.chunk_size));
  ASSERT_TRUE(house_.committer_hears<ipc::AllReceived>());
  expect_stored(content);

  upload_ = some_id();
  Client small(house_, house_.lab2, "small");
  const auto second = approved(small, {"c.txt", "{}", {}});
  ASSERT_TRUE(small.send_file("hello", second.credit, second.chunk_size));
  const auto received = house_.committer_hears<ipc::AllReceived>();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->counters.buffered, 5U);
  expect_stored("hello");
}

TEST_F(Program, RefusesByTheContractsCodes) {
  house_.start_receiver();
  Client unknown(house_, house_.lab1, "u");
  unknown.say_frames({"no-such-command"});
  EXPECT_EQ(unknown.hears_error(), 400U);
  unknown.say_frames({""});
  EXPECT_EQ(unknown.hears_error(), 400U);
  unknown.say_frames(std::vector<std::string>(1000, "x"));
  EXPECT_EQ(unknown.hears_error(), 400U);

  auto frames = wire::encode(wire::ClientMessage(ours())).frames;
  frames.at(2) = "\xff\xfe";  // no UTF-8
  unknown.say_frames(frames);
  const auto malformed = unknown.hears<wire::ServerError>();
  ASSERT_TRUE(malformed);
  EXPECT_EQ(malformed->code, 400U);
  EXPECT_EQ(malformed->key, key_) << "by it our client knows what was refused";

  unknown.chunk(0, "data");
  const auto find = house_.committer_hears<ipc::Find>();
  ASSERT_TRUE(find);
  house_.committer_says(
      ipc::Refused{find->request, {wire::Code::unknown, "no such upload, send post-file first"}});
  EXPECT_EQ(unknown.hears_error(), 404U);

  Client refused(house_, house_.lab1, "refused");
  refused.say(ours());
  const auto open = house_.committer_hears<ipc::Open>();
  ASSERT_TRUE(open);
  house_.committer_says(ipc::Refused{open->request, {wire::Code::refused, "no dropbox takes this name"}});
  const auto why = refused.hears<wire::ServerError>();
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, 422U);
  EXPECT_EQ(why->key, key_);
}

TEST_F(Program, WhatBreaksTheProtocolAbortsTheUpload) {
  house_.start_receiver();
  const std::string large(kMiB + 1, 'x');
  const auto wrong = [&](const std::string& routing_id, std::uint32_t code,
                         const std::function<void(Client&)>& act) {
    upload_ = some_id();
    Client client(house_, house_.lab1, routing_id);
    approved(client, ours());
    act(client);
    EXPECT_EQ(client.hears_error(), code) << routing_id;
    const auto abort = house_.committer_hears<ipc::Abort>();
    ASSERT_TRUE(abort) << routing_id;
    EXPECT_EQ(abort->upload, upload_);
    EXPECT_EQ(static_cast<std::uint32_t>(abort->code), code);
  };
  wrong("too large", 413, [&](Client& client) { client.chunk(0, large); });
  wrong("malformed", 400, [](Client& client) { client.say_frames({"post-chunk", "abc"}); });
  wrong("no credit", 429, [](Client& client) {
    for (std::uint64_t i = 0; i < 200; ++i) client.chunk(i, "x");
  });
}

TEST_F(Program, AnotherUserGets403AndTheOwnerGoesOn) {
  house_.start_receiver();
  Client owner(house_, house_.lab1, "shared id");
  const auto approval = approved(owner, ours());
  owner.chunk(0, "0123456789");
  {
    Client thief(house_, house_.lab2, "shared id");
    thief.say(wire::QueryStatus{});
    EXPECT_EQ(thief.hears_error(), 403U);
    thief.chunk(10, "evil bytes");
    EXPECT_EQ(thief.hears_error(), 403U);
    thief.receive();
    EXPECT_TRUE(thief.inbox.empty()) << "nothing of the owner's session";
  }
  // The owner's old connection lost the routing id; a new one of the same id goes on.
  Client again(house_, house_.lab1, "shared id");
  again.say(ours());
  const auto same = again.hears<wire::UploadApproved>();
  ASSERT_TRUE(same);
  EXPECT_EQ(same->options->seek, 10U);
  EXPECT_GE(same->credit, approval.credit - 1);
  EXPECT_LE(same->credit, approval.credit) << "it may have been given back since";
}

TEST_F(Program, ARevokedKeyIsRefusedInMidUploadAndANewOneComesIn) {
  house_.start_receiver();
  Client client(house_, house_.lab1, "r");
  approved(client, ours());
  house_.unlist("lab1");
  std::uint64_t seek = 0;
  EXPECT_TRUE(house_.pump([&] {
    client.say(wire::QueryStatus{});
    client.receive();
    for (const auto& message : client.inbox)
      if (const auto* error = std::get_if<wire::ServerError>(&message)) return error->code == 403;
    client.inbox.clear();
    return ++seek == 0;
  }));
  const keys::Certificate lab3 = keys::generate("lab3");
  house_.list(lab3);
  ASSERT_TRUE(house_.pump([&] { return house_.logged("client.keys_changed keys=2"); }));
  Client fresh(house_, lab3, "f");
  fresh.say(wire::QueryStatus{});
  const auto find = house_.committer_hears<ipc::Find>();
  ASSERT_TRUE(find);
  EXPECT_EQ(find->user, "lab3");
}

TEST_F(Program, AnUnlistedKeyIsNotLetIn) {
  house_.start_receiver();
  const keys::Certificate stranger = keys::generate("lab1");
  transport::Options options;
  options.curve_client =
      transport::CurveClient{house_.server.public_key, stranger.public_key, stranger.secret_key};
  options.linger = 0ms;
  transport::Socket socket(*house_.context, transport::Type::dealer, options);
  socket.watch();
  socket.connect(house_.endpoint());
  std::optional<transport::ConnectionEvent::Kind> verdict;
  house_.pump([&] {
    while (const auto event = socket.next_event())
      if (event->kind == transport::ConnectionEvent::Kind::ready ||
          event->kind == transport::ConnectionEvent::Kind::refused_key)
        verdict = event->kind;
    return verdict.has_value();
  });
  EXPECT_EQ(verdict, transport::ConnectionEvent::Kind::refused_key);
}

TEST_F(Program, KilledInMidUploadItsSuccessorGoesOn) {
  house_.start_receiver();
  Client client(house_, house_.lab1, "r1");
  const std::string content = content_of(40 * kMiB + 5);
  const auto approval = approved(client, ours(content.size()));
  ASSERT_TRUE(client.send_file(content, approval.credit, approval.chunk_size, 0, 20 * kMiB));
  const auto begin = house_.hasher_hears<ipc::Begin>();
  ASSERT_TRUE(begin);
  const auto& mark = house_.memory->mark(begin->mark);
  ASSERT_TRUE(house_.pump([&] { return ipc::last_written(mark) >= 5 * kMiB; }));
  house_.kill_receiver();
  const std::uint64_t written = ipc::last_written(mark);

  ipc::Restore restore;
  restore.upload = upload_;
  restore.session = *open_;
  restore.epoch = begin->epoch;
  house_.live = {restore};
  house_.start_receiver();
  EXPECT_EQ(std::filesystem::file_size(house_.data_of(upload_)), written) << "cut to the written mark";
  const auto again = house_.hasher_hears<ipc::Begin>();
  ASSERT_TRUE(again);
  EXPECT_GT(again->epoch, begin->epoch);

  // A chunk far ahead shows the gap; one status-report brings the client back.
  client.chunk(30 * kMiB, content.substr(30 * kMiB, kMiB));
  const auto report = client.hears<wire::StatusReport>();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->seek, written);
  EXPECT_EQ(report->credit, 64U);
  ASSERT_TRUE(client.send_file(content, report->credit, approval.chunk_size, report->seek));
  const auto received = house_.committer_hears<ipc::AllReceived>();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->epoch, again->epoch);
  expect_stored(content);
}

TEST_F(Program, ASuccessorSaysEndAgainForWhatWasComplete) {
  house_.make_staging(upload_);
  std::ofstream(house_.data_of(upload_)) << "hello";
  ipc::Restore restore;
  restore.upload = upload_;
  restore.session = ipc::Open{0, "lab1", "r1", "a.bin", "{}", {}, 256 * 1024, 100};
  restore.epoch = 7;
  restore.seek = 5;
  restore.client_sha256 = sha256_of("hello");
  house_.live = {restore};
  house_.start_receiver();
  const auto end = house_.hasher_hears<ipc::End>();
  ASSERT_TRUE(end);
  EXPECT_EQ(end->size, 5U);
  EXPECT_GT(end->epoch, 7U);
  const auto received = house_.committer_hears<ipc::AllReceived>();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->epoch, end->epoch);
  expect_stored("hello");
}

TEST_F(Program, ANewCommitterHearsWhatTheOldOneDidNotAnswer) {
  house_.start_receiver();
  Client opening(house_, house_.lab1, "opening");
  opening.say(ours());
  const auto first = house_.committer_hears<ipc::Open>();
  ASSERT_TRUE(first);
  Client finding(house_, house_.lab2, "finding");
  finding.say(wire::QueryStatus{});
  ASSERT_TRUE(house_.committer_hears<ipc::Find>());
  house_.renew_committer();
  const auto again = house_.committer_hears<ipc::Open>();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->request, first->request);
  EXPECT_TRUE(house_.committer_hears<ipc::Find>());

  house_.make_staging(upload_);
  house_.committer_says(ipc::Opened{again->request, upload_, 0, 0, 10});
  ASSERT_TRUE(opening.hears<wire::UploadApproved>());
  ASSERT_TRUE(opening.send_file("hello", 5, kMiB));
  ASSERT_TRUE(house_.committer_hears<ipc::AllReceived>());
  house_.renew_committer();
  EXPECT_TRUE(house_.committer_hears<ipc::AllReceived>());
}

TEST_F(Program, ANewHasherHearsBeginAndEndAndNothingWaitsForTheOldOne) {
  house_.start_receiver();
  house_.hashes = false;
  Client client(house_, house_.lab1, "r1");
  const std::string content = content_of(50 * kMiB);
  const auto approval = approved(client, ours());
  ASSERT_TRUE(client.send_file(content, approval.credit, approval.chunk_size, 0, 32 * kMiB));
  ASSERT_TRUE(house_.hasher_hears<ipc::Begin>());
  house_.renew_hasher();
  house_.hashes = true;
  const auto again = house_.hasher_hears<ipc::Begin>();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->upload, upload_);
  ASSERT_TRUE(client.send_file(content, 0, approval.chunk_size, 32 * kMiB));
  ASSERT_TRUE(house_.hasher_hears<ipc::End>());
  expect_stored(content);
  house_.renew_hasher();
  EXPECT_TRUE(house_.hasher_hears<ipc::End>());
}

// No slot comes free until the hasher moves: the bytes wait within the credit, and nothing is lost.
TEST_F(Program, WithoutFreeSlotsAnUploadWaits) {
  house_.start_receiver();
  house_.hashes = false;
  Client client(house_, house_.lab1, "r1");
  const std::string content = content_of(70 * kMiB);
  const auto approval = approved(client, ours());
  ASSERT_TRUE(client.send_file(content, approval.credit, approval.chunk_size, 0, 60 * kMiB));
  const auto begin = house_.hasher_hears<ipc::Begin>();
  ASSERT_TRUE(begin);
  const auto& mark = house_.memory->mark(begin->mark);
  ASSERT_TRUE(house_.pump([&] { return ipc::written_bytes(mark, begin->epoch) == 32 * kMiB; }));
  house_.pump([&] { return ipc::written_bytes(mark, begin->epoch) > 32 * kMiB; }, 200ms);
  EXPECT_EQ(ipc::written_bytes(mark, begin->epoch), 32 * kMiB) << "half of the slots are the most for one";
  const std::size_t memory = anonymous_memory_of(house_.pid());
  EXPECT_LT(memory, kMostMemory) << "what waits is bounded by the credit";
  RecordProperty("anonymous_mib", static_cast<int>(memory / kMiB));
  ipc::store_hashed(house_.memory->mark(begin->mark), begin->epoch, 32 * kMiB);
  house_.hashes = true;
  ASSERT_TRUE(client.send_file(content, 0, approval.chunk_size, 60 * kMiB));
  ASSERT_TRUE(house_.committer_hears<ipc::AllReceived>());
  expect_stored(content);
}

TEST_F(Program, AStagedFileThatCannotBeWrittenIs500AndAborted) {
  house_.start_receiver();
  Client client(house_, house_.lab1, "r1");
  approved(client, ours());
  std::filesystem::remove_all(house_.data_of(upload_).parent_path());
  client.chunk(0, "data");
  EXPECT_EQ(client.hears_error(), 500U);
  const auto abort = house_.committer_hears<ipc::Abort>();
  ASSERT_TRUE(abort);
  EXPECT_EQ(abort->code, wire::Code::internal);
}

TEST_F(Program, StopsSilentlyAndRefusesOnlyNewFiles) {
  house_.start_receiver();
  Client running(house_, house_.lab1, "running");
  approved(running, ours());
  running.chunk(0, "data");
  const auto begun = std::chrono::steady_clock::now();
  ::kill(house_.pid(), SIGTERM);
  const auto exit = house_.await_exit();
  EXPECT_EQ(exit.code, 0) << exit.text();
  EXPECT_EQ(exit.signal, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, limits::kStop);
  running.receive();
  for (const auto& message : running.inbox) EXPECT_FALSE(std::holds_alternative<wire::ServerError>(message));
  EXPECT_TRUE(std::none_of(house_.to_committer.begin(), house_.to_committer.end(),
                           [](const auto& m) { return std::holds_alternative<ipc::Abort>(m); }));
}

TEST_F(Program, ALargeUploadNeedsLittleMemoryBesideTheSlots) {
  house_.start_receiver();
  Client client(house_, house_.lab1, "r1");
  const std::string content = content_of(256 * kMiB);
  const auto approval = approved(client, ours());
  std::size_t most = 0;
  house_.each_pump = [&] { most = std::max(most, anonymous_memory_of(house_.pid())); };
  ASSERT_TRUE(client.send_file(content, approval.credit, approval.chunk_size));
  ASSERT_TRUE(house_.committer_hears<ipc::AllReceived>());
  EXPECT_LT(most, kMostMemory);
  RecordProperty("anonymous_mib", static_cast<int>(most / kMiB));
}

TEST_F(Program, EndsWhenItsSupervisorIsGone) {
  house_.start_receiver();
  house_.hang_up();
  EXPECT_EQ(house_.await_exit().signal, 0);
}

}  // namespace
}  // namespace dync::receiver
