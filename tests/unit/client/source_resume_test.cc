// A source that begins in the middle of its file: what is known of the bytes before, and what must be read.
#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <poll.h>
#include <random>
#include <semaphore>

#include "client/source.h"
#include "schema/limits/limits.h"

namespace dync::client::source_resume_test {
namespace {

constexpr std::uint32_t kPiece = 1000;
constexpr std::uint64_t kNoteStep = 4096;

digest::Sha256 hash_of(std::string_view text) {
  digest::Sha256 hash;
  hash.update(std::as_bytes(std::span(text)));
  return hash;
}

// A file in memory that counts how often each byte is read.
class TextInput : public Input {
 public:
  explicit TextInput(const std::string& text) : text_(text), reads_(text.size()) {}

  std::size_t read(std::span<std::byte> into, std::uint64_t offset) override {
    const auto from = static_cast<std::size_t>(std::min<std::uint64_t>(offset, text_.size()));
    const std::size_t got = std::min(into.size(), text_.size() - from);
    std::copy_n(reinterpret_cast<const std::byte*>(text_.data()) + from, got, into.begin());
    for (std::size_t i = from; i < from + got; ++i) ++reads_[i];
    total_ += got;
    return got;
  }
  bool rewindable() const override { return true; }
  std::optional<std::uint64_t> size() const override { return text_.size(); }
  void stop() override {}

  std::size_t total() const { return total_; }
  std::size_t reads(std::size_t offset) const { return reads_[offset]; }

 private:
  const std::string& text_;
  std::vector<std::atomic<std::uint32_t>> reads_;
  std::atomic<std::size_t> total_{0};
};

class Notes : public HashNotes {
 public:
  std::optional<digest::Midstate> newest(std::uint64_t position) const override {
    const auto above = known.upper_bound(position);
    return above == known.begin() ? std::nullopt : std::optional(std::prev(above)->second);
  }
  void passed(const digest::Midstate& midstate) override { known[midstate.length] = midstate; }
  std::uint64_t step() const override { return kNoteStep; }

  std::map<std::uint64_t, digest::Midstate> known;
};

class ResumedSource : public testing::Test {
 protected:
  ResumedSource() : text_(200'000, ' ') {
    std::mt19937 random(11);
    for (char& c : text_) c = static_cast<char>(random());
  }
  void start(std::uint64_t position, bool with_notes = true) {
    auto input = std::make_unique<TextInput>(text_);
    input_ = input.get();
    source_.emplace(std::move(input), with_notes ? &notes_ : nullptr);
    source_->start(kPiece, 4, position);
  }
  void know(std::uint64_t length) {
    notes_.known[length] = hash_of(std::string_view(text_).substr(0, length)).midstate().value();
  }
  Piece await(std::uint64_t position) {
    for (int i = 0; i < 200; ++i) {
      source_->clear_handle();
      if (auto piece = source_->fetch(position, kPiece)) return *piece;
      pollfd waiting{source_->handle(), POLLIN, 0};
      ::poll(&waiting, 1, 100);
    }
    ADD_FAILURE() << "nothing came at " << position;
    return {};
  }
  // From `position` to the end: each byte, and the checksum of the whole.
  void read_on(std::uint64_t position) {
    for (std::uint64_t at = position;;) {
      const Piece piece = await(at);
      if (piece.last) {
        EXPECT_EQ(at, text_.size());
        EXPECT_EQ(*piece.last, hash_of(text_).value());
        return;
      }
      ASSERT_FALSE(piece.data.empty());
      ASSERT_EQ(std::string_view(reinterpret_cast<const char*>(piece.data.data()), piece.data.size()),
                text_.substr(at, piece.data.size()));
      at += piece.data.size();
    }
  }

  std::string text_;
  Notes notes_;
  TextInput* input_ = nullptr;
  std::optional<Source> source_;
};

TEST_F(ResumedSource, NotesTheHashAtEachStep) {
  start(0);
  read_on(0);
  source_.reset();
  EXPECT_EQ(notes_.known.size(), text_.size() / kNoteStep);
  for (const auto& [length, midstate] : notes_.known) {
    EXPECT_EQ(length % kNoteStep, 0u);
    EXPECT_EQ(midstate, hash_of(std::string_view(text_).substr(0, length)).midstate());
  }
}

TEST_F(ResumedSource, GoesOnFromTheNewestNoteAtOrBelowThePosition) {
  for (const std::uint64_t position : {0u, 1u, 4096u, 100'000u, 100'352u, 199'999u, 200'000u}) {
    notes_.known.clear();
    for (std::uint64_t at = kNoteStep; at <= text_.size(); at += 2 * kNoteStep) know(at);
    const auto from = notes_.newest(position);
    start(position);
    read_on(position);
    const std::uint64_t known = from ? from->length : 0;
    if (known > 0) {
      EXPECT_EQ(input_->reads(known - 1), 0u) << "read once more, though its hash is known";
    }
    if (known < text_.size()) {
      EXPECT_GE(input_->reads(known), 1u);
    }
  }
}

TEST_F(ResumedSource, WithoutNotesTheBeginningIsHashedToo) {
  for (const bool with_notes : {true, false}) {
    notes_.known.clear();
    start(150'500, with_notes);
    read_on(150'500);
    EXPECT_EQ(input_->reads(0), 1u);
    EXPECT_EQ(input_->reads(150'000), 1u);
  }
}

TEST_F(ResumedSource, AWrongNoteMakesAWrongChecksum) {
  know(kNoteStep);
  notes_.known[kNoteStep].words[0] ^= 1U;
  start(100'000);
  for (std::uint64_t at = 100'000; at < text_.size(); at += kPiece) await(at);
  EXPECT_NE(await(text_.size()).last, hash_of(text_).value());
}

TEST_F(ResumedSource, WhatIsSentAgainFromBelowTheNoteIsRight) {
  know(12 * kNoteStep);
  start(100'000);
  await(100'000);
  read_on(777);  // the server's machine crashed
  read_on(0);
}

TEST_F(ResumedSource, OnlyTheChecksumOfWhatTheServerHasAlready) {
  know(40 * kNoteStep);
  start(text_.size());
  EXPECT_EQ(await(text_.size()).last, hash_of(text_).value());
  EXPECT_EQ(input_->total(), text_.size() - 40 * kNoteStep);
}

// An input whose beginning is far away: reads below `wall` wait until it is taken down.
class WalledInput : public TextInput {
 public:
  WalledInput(const std::string& text, std::uint64_t wall) : TextInput(text), wall_(wall) {}
  std::size_t read(std::span<std::byte> into, std::uint64_t offset) override {
    if (offset < wall_ && !stopped_) gate_.acquire();
    return TextInput::read(into, offset);
  }
  void stop() override {
    stopped_ = true;
    gate_.release(1000);
  }
  void take_down() { stop(); }

 private:
  std::uint64_t wall_;
  std::atomic<bool> stopped_{false};
  std::counting_semaphore<> gate_{0};
};

TEST_F(ResumedSource, TheFirstPieceDoesNotWaitForTheHash) {
  auto input = std::make_unique<WalledInput>(text_, 100'000);
  WalledInput* wall = input.get();
  source_.emplace(std::move(input), &notes_);
  source_->start(kPiece, 4, 100'000);
  EXPECT_EQ(await(100'000).data.size(), kPiece);
  wall->take_down();
  read_on(100'000);
}

TEST_F(ResumedSource, TheHashCatchesUpWhilePiecesAreSentSoThatLittleIsReadTwice) {
  text_.resize(16 * limits::kHashPart, 'x');
  start(2 * limits::kHashPart);
  read_on(2 * limits::kHashPart);
  EXPECT_LT(input_->total(), text_.size() + 3 * limits::kHashPart);
}

}  // namespace
}  // namespace dync::client::source_resume_test
