#pragma once

#include <optional>
#include <string>

#include "tests/unit/committer/committer_fixture.h"

namespace dync::committer {

// Uploads of our client that lose their session, as the receiver tells it.
class SessionsTest : public CommitterTest {
 protected:
  SessionsTest() {
    sample_.key = key(1);
    elsewhere_ = sample_;
    elsewhere_.routing_id = "connection 2";
  }

  static ipc::Id key(unsigned char number) { return ipc::Id::uuid4({std::byte{number}}); }

  void ask(const Sample& sample, std::uint64_t request, const std::optional<ipc::Id>& after = {}) {
    ipc::Open message = sample.open(request);
    message.after = after;
    hood_.receiver.say(message);
  }
  void say_parked(const ipc::Id& upload, std::uint64_t bytes, std::uint32_t epoch = 1) {
    hood_.receiver.say(ipc::Park{upload, epoch, bytes, "silent for 60 s"});
  }
  // An upload whose first `bytes` are there, and whose client is gone.
  ipc::Id park(const Sample& sample, std::uint64_t request, std::size_t bytes = 4) {
    const auto opened = hood_.open(sample, request);
    if (!opened) throw std::runtime_error("not opened");
    hood_.write(opened->upload, sample.content.substr(0, bytes));
    say_parked(opened->upload, bytes);
    await_heard();
    return opened->upload;
  }
  // All that the receiver has said is in the ledger, and was answered by nothing.
  void await_heard() {
    hood_.receiver.say(ipc::Find{kBarrier, "nobody", "no connection"});
    const auto answer = hear_any();
    ASSERT_TRUE(answer) << hood_.process.log();
    const auto* refused = std::get_if<ipc::Refused>(&*answer);
    ASSERT_TRUE(refused != nullptr && refused->request == kBarrier) << "something was answered";
  }
  std::optional<ipc::Message> hear_any() {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (std::chrono::steady_clock::now() < deadline && hood_.process.running())
      if (auto message = hood_.receiver.hear()) return message;
    return std::nullopt;
  }
  std::optional<ipc::Opened> opened(std::uint64_t request) {
    const auto answer = hood_.hear<ipc::Opened>();
    EXPECT_TRUE(!answer || answer->request == request);
    return answer;
  }
  wire::Refusal refused(std::uint64_t request) {
    const auto answer = hood_.hear<ipc::Refused>();
    EXPECT_TRUE(answer && answer->request == request) << hood_.process.log();
    return answer ? answer->refusal : wire::Refusal{};
  }
  // The rest of the way, in the session of this epoch.
  void finish(const ipc::Id& upload, const Sample& sample, std::uint32_t epoch) {
    hood_.write(upload, sample.content);
    hood_.say_received(upload, sample, epoch);
    hood_.say_verdict(upload, sample, epoch);
    const auto committed = hood_.hear<ipc::Committed>();
    ASSERT_TRUE(committed) << hood_.process.log();
    EXPECT_EQ(committed->upload, upload);
    EXPECT_EQ(content_of(hood_.process.dropbox() / sample.filename / sample.filename), sample.content);
  }
  ledger::Row whole_row(const ipc::Id& upload) { return hood_.process.reader().row(upload).value(); }
  bool waits(const ipc::Id& upload) { return whole_row(upload).session.parked_seconds.has_value(); }
  void restart() {
    hood_.process.kill();
    hood_.process.start();
  }
  bool await(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!condition())
      if (std::chrono::steady_clock::now() > deadline || !hood_.process.running()) return false;
    return true;
  }

  static constexpr std::uint64_t kBarrier = 1ULL << 60;
  Sample elsewhere_;  // the same upload, from another connection
};

}  // namespace dync::committer
