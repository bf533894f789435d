#pragma once

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <optional>

#include "client/transfer.h"

namespace dync::client {

using namespace std::chrono_literals;
using Kind = Want::Kind;

inline constexpr std::uint32_t kChunk = 100;

inline wire::Id id_of(int number) {
  std::array<std::byte, 16> bytes{};
  bytes.fill(static_cast<std::byte>(number));
  return wire::Id(bytes);
}

inline const wire::Id kKey = id_of(1);
inline const wire::Id kUpload = id_of(2);
inline const wire::Id kOther = id_of(3);

inline digest::Digest some_digest() {
  digest::Digest digest{};
  digest.fill(std::byte{7});
  return digest;
}

// A transfer with a clock of its own and a source of `size` bytes.
class TransferTest : public testing::Test {
 protected:
  void start(std::optional<std::uint64_t> size, Start how = {.connected = true}, Patience patience = {}) {
    size_ = size.value_or(1000);
    transfer_.emplace(Upload{"name", "{}", kKey, size, std::nullopt}, patience, how, now_);
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

}  // namespace dync::client
