#include "client/source.h"

#include <atomic>
#include <fstream>
#include <gtest/gtest.h>
#include <poll.h>
#include <random>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "client/inputs.h"
#include "proto/posix/process.h"
#include "schema/limits/limits.h"
#include "tests/unit/temporary_directory.h"

namespace dync::client::source_test {
namespace {

constexpr std::uint32_t kChunk = 1000;

std::string random_text(std::size_t bytes) {
  std::mt19937 random(7);
  std::string text(bytes, ' ');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

digest::Digest digest_of(std::string_view text) {
  digest::Sha256 hash;
  hash.update(std::as_bytes(std::span(text)));
  return hash.value();
}

std::string text_of(const Piece& piece) {
  return {reinterpret_cast<const char*>(piece.data.data()), piece.data.size()};
}

// The piece, or nothing if the source has a problem.
std::optional<Piece> await(Source& source, std::uint64_t position, std::uint32_t most = kChunk) {
  for (int i = 0; i < 100; ++i) {
    source.clear_handle();
    if (auto piece = source.fetch(position, most)) return piece;
    if (source.problem()) return std::nullopt;
    pollfd waiting{source.handle(), POLLIN, 0};
    ::poll(&waiting, 1, 100);
  }
  ADD_FAILURE() << "nothing came at " << position;
  return std::nullopt;
}

class FileSource : public testing::Test {
 protected:
  void make(std::string_view text) {
    text_ = text;
    std::ofstream(path()) << text;
    auto opened = open_input(path());
    source_.emplace(std::move(std::get<OpenedFile>(opened).input));
  }
  std::string path() const { return (directory_ / "file").string(); }
  // Reads from `position` to the end and checks each byte and the checksum.
  void read_on(std::uint64_t position) {
    std::string got;
    for (std::uint64_t at = position;;) {
      const auto piece = await(*source_, at);
      ASSERT_TRUE(piece);
      if (piece->last) {
        EXPECT_EQ(got, text_.substr(position));
        EXPECT_EQ(*piece->last, digest_of(text_));
        return;
      }
      ASSERT_FALSE(piece->data.empty());
      got += text_of(*piece);
      at += piece->data.size();
    }
  }

  tests::TemporaryDirectory directory_;
  std::string text_;
  std::optional<Source> source_;
};

TEST_F(FileSource, ReadsFilesOfEverySizeAroundAChunk) {
  for (const std::size_t size : {0u, 1u, 999u, 1000u, 1001u, 1999u, 2000u, 50000u}) {
    make(random_text(size));
    source_->start(kChunk, 4, 0);
    read_on(0);
  }
}

TEST_F(FileSource, RewindsAnywhereWithoutDisturbingTheChecksum) {
  make(random_text(54321));
  source_->start(kChunk, 4, 0);
  std::mt19937 random(3);
  std::uint64_t sent = 0;
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t at = random() % 3 == 0 ? random() % (sent + 1) : sent;
    const auto piece = await(*source_, at);
    ASSERT_TRUE(piece);
    EXPECT_EQ(text_of(*piece), text_.substr(at, piece->data.size()));
    if (piece->last) {
      EXPECT_EQ(*piece->last, digest_of(text_));
    }
    sent = std::max(sent, at + piece->data.size());
  }
  read_on(0);
  read_on(54321);
  read_on(777);
}

TEST_F(FileSource, BeginsLateAndStillHashesTheWhole) {
  make(random_text(30000));
  source_->start(kChunk, 4, 20500);
  read_on(20500);
  read_on(0);
}

TEST_F(FileSource, PiecesEndAtMultiplesOfTheChunkAndNeverExceedWhatIsAllowed) {
  make(random_text(5000));
  source_->start(kChunk, 4, 0);
  EXPECT_EQ(await(*source_, 0)->data.size(), 1000u);
  EXPECT_EQ(await(*source_, 1234)->data.size(), 766u);
  EXPECT_EQ(await(*source_, 2000, 10)->data.size(), 10u);
}

TEST_F(FileSource, ReadsAheadOnlyAFewChunks) {
  make(random_text(500000));
  source_->start(kChunk, 64, 0);
  std::vector<Piece> held;
  for (std::uint64_t at = 0; held.size() < limits::kReadAhead; at += kChunk)
    held.push_back(*await(*source_, at));
  // All buffers are held, as by libzmq; no further one comes until one is given back.
  EXPECT_FALSE(source_->fetch(limits::kReadAhead * kChunk, kChunk));
  pollfd waiting{source_->handle(), POLLIN, 0};
  source_->clear_handle();
  EXPECT_EQ(::poll(&waiting, 1, 50), 0);
  const auto before = source_->released();
  held.clear();
  EXPECT_TRUE(await(*source_, limits::kReadAhead * kChunk));
  EXPECT_GT(source_->released(), before);
}

TEST_F(FileSource, AFileThatChangesIsAProblem) {
  for (const int how : {0, 1, 2}) {
    make(random_text(100000));
    source_->start(kChunk, 4, 0);
    ASSERT_TRUE(await(*source_, 0));
    if (how == 0) std::filesystem::resize_file(path(), 50000);
    if (how == 1) std::ofstream(path(), std::ios::app) << "more";
    if (how == 2) {
      std::filesystem::last_write_time(path(),
                                       std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
    }
    std::uint64_t at = 1000;
    while (const auto piece = await(*source_, at)) {
      ASSERT_FALSE(piece->last) << "change " << how << " was not seen";
      at += piece->data.size();
    }
    ASSERT_TRUE(source_->problem());
    EXPECT_NE(source_->problem()->sentence.find("changed while it was being sent"), std::string::npos);
  }
}

TEST_F(FileSource, WhatIsNoFileIsRefusedAtOnce) {
  const auto sentence = [](const std::string& path) {
    const auto opened = open_input(path);
    const auto* problem = std::get_if<SourceProblem>(&opened);
    return problem != nullptr ? problem->sentence : "";
  };
  EXPECT_NE(sentence(directory_.path()).find("directory"), std::string::npos);
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  EXPECT_NE(sentence(path()).find("--name"), std::string::npos);
  EXPECT_NE(sentence("/dev/null").find("--name"), std::string::npos);
  EXPECT_NE(sentence((directory_ / "absent").string()).find("No such file"), std::string::npos);
}

class StreamSource : public testing::Test {
 protected:
  StreamSource() : pipe_(posix::make_pipe()), source_(stream_input(pipe_.first.get())) {}
  void feed(std::string text) {
    writer_ = std::jthread([this, text = std::move(text)] {
      for (std::size_t at = 0; at < text.size();) {
        const auto put =
            ::write(pipe_.second.get(), text.data() + at, std::min<std::size_t>(text.size() - at, 333));
        if (put <= 0) return;
        at += static_cast<std::size_t>(put);
      }
      pipe_.second.reset();
    });
  }

  std::pair<posix::Fd, posix::Fd> pipe_;
  Source source_;
  std::jthread writer_;
};

TEST_F(StreamSource, RewindsWithinItsWindowAndFailsBeyond) {
  const std::string text = random_text(20500);
  feed(text);
  source_.start(kChunk, 4, 0);
  for (std::uint64_t at = 0; at < 20000; at += kChunk) ASSERT_TRUE(await(source_, at));
  for (const std::uint64_t at : {16000u, 17500u, 19999u, 19000u, 20000u}) {
    const auto piece = await(source_, at);
    ASSERT_TRUE(piece);
    EXPECT_EQ(text_of(*piece), text.substr(at, piece->data.size()));
  }
  const auto last = await(source_, 20500);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->last, digest_of(text));
  EXPECT_FALSE(await(source_, 3000));
  ASSERT_TRUE(source_.problem());
  EXPECT_NE(source_.problem()->sentence.find("byte 3000"), std::string::npos);
}

TEST_F(StreamSource, AnEmptyOneEndsAtOnce) {
  pipe_.second.reset();
  source_.start(kChunk, 4, 0);
  const auto piece = await(source_, 0);
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->last, digest_of(""));
}

TEST_F(StreamSource, CanBeLeftWhileItsWriterIsSilent) {
  source_.start(kChunk, 4, 0);
  EXPECT_FALSE(source_.fetch(0, kChunk));
}

}  // namespace
}  // namespace dync::client::source_test
