#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <numeric>
#include <poll.h>
#include <sched.h>
#include <set>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "receiver/staged_file.h"
#include "receiver/staging_writer.h"
#include "tests/unit/temporary_directory.h"

namespace dync::receiver {
namespace {

using tests::TemporaryDirectory;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kChunk = 1024 * 1024;

// Page-aligned bytes, none like its neighbours.
class Bytes {
 public:
  explicit Bytes(std::size_t size)
      : memory_(static_cast<std::byte*>(std::aligned_alloc(kPage, (size + kPage - 1) / kPage * kPage)),
                std::free),
        size_(size) {
    for (std::size_t i = 0; i < size; ++i) memory_.get()[i] = static_cast<std::byte>((i * 2654435761U) >> 13);
  }
  std::span<const std::byte> part(std::size_t at, std::size_t length) const {
    return {memory_.get() + at, length};
  }
  std::span<const std::byte> all() const { return part(0, size_); }

 private:
  std::unique_ptr<std::byte, decltype(&std::free)> memory_;
  std::size_t size_;
};

bool same(const std::filesystem::path& file, std::span<const std::byte> expected) {
  const std::string found = posix::read_file(file, 1ULL << 30);
  return found.size() == expected.size() &&
         std::equal(expected.begin(), expected.end(), std::as_bytes(std::span(found)).begin());
}

bool takes_direct(const std::filesystem::path& directory) {
  const int fd = ::open((directory / "probe").c_str(), O_RDWR | O_CREAT | O_DIRECT, 0600);
  if (fd >= 0) ::close(fd);
  std::filesystem::remove(directory / "probe");
  return fd >= 0;
}

TEST(StagedFile, AlignedChunksGoPastThePageCacheAndTheTailThroughIt) {
  const TemporaryDirectory directory;
  const Bytes bytes(3 * kChunk + 1234);
  StagedFile file(directory.path(), bytes.all().size());
  for (std::size_t at = 0; at < 3 * kChunk; at += kChunk) file.write(bytes.part(at, kChunk), at);
  file.write(bytes.part(3 * kChunk, 1234), 3 * kChunk);
  file.finish(bytes.all().size());
  EXPECT_TRUE(same(directory / "data", bytes.all()));
  if (!takes_direct(directory.path())) return;
  EXPECT_EQ(file.direct_bytes(), 3 * kChunk);
  EXPECT_EQ(file.buffered_bytes(), 1234U);
}

TEST(StagedFile, OddChunksInTheMiddleShareNoPageAndNoByteIsLost) {
  const TemporaryDirectory directory;
  const Bytes bytes(kChunk);
  StagedFile file(directory.path(), std::nullopt);
  const std::size_t lengths[] = {kPage, 100, kPage - 100, 2 * kPage, 1, kPage, kPage - 1, 8 * kPage};
  std::size_t at = 0;
  for (const std::size_t length : lengths) {
    file.write(bytes.part(at, length), at);
    at += length;
  }
  file.finish(at);
  EXPECT_TRUE(same(directory / "data", bytes.part(0, at)));
  if (!takes_direct(directory.path())) return;
  EXPECT_EQ(file.direct_bytes(), 11 * kPage);
}

TEST(StagedFile, MemoryThatIsNotAlignedIsWrittenBuffered) {
  const TemporaryDirectory directory;
  const Bytes bytes(3 * kPage);
  StagedFile file(directory.path(), std::nullopt);
  file.write(bytes.part(16, 2 * kPage), 0);
  file.finish(2 * kPage);
  EXPECT_EQ(file.direct_bytes(), 0U);
  EXPECT_TRUE(same(directory / "data", bytes.part(16, 2 * kPage)));
}

TEST(StagedFile, AFileSystemInMemoryTakesItEitherWay) {
  const std::filesystem::path shm = "/dev/shm/dync-staging-test-" + std::to_string(::getpid());
  std::filesystem::create_directory(shm);
  const Bytes bytes(2 * kChunk);
  StagedFile file(shm, std::nullopt);
  file.write(bytes.part(0, kChunk), 0);
  file.write(bytes.part(kChunk, kChunk), kChunk);
  file.finish(2 * kChunk);
  EXPECT_EQ(file.direct_bytes() + file.buffered_bytes(), 2 * kChunk);
  EXPECT_TRUE(same(shm / "data", bytes.all()));
  std::filesystem::remove_all(shm);
}

TEST(StagedFile, AnEmptyUploadIsAnEmptyFile) {
  const TemporaryDirectory directory;
  StagedFile file(directory.path(), 0);
  file.finish(0);
  EXPECT_TRUE(same(directory / "data", {}));
}

TEST(StagedFile, ASizeThatIsNotWhatCameIsAnError) {
  const TemporaryDirectory directory;
  const Bytes bytes(100);
  StagedFile file(directory.path(), std::nullopt);
  file.write(bytes.all(), 0);
  EXPECT_THROW(file.finish(101), posix::Error);
}

TEST(StagedFile, PreallocatedBlocksDoNotShowInTheSize) {
  const TemporaryDirectory directory;
  const Bytes bytes(kPage);
  StagedFile file(directory.path(), 16 * kChunk);
  file.write(bytes.all(), 0);
  EXPECT_LT(file.taken(), kChunk) << "nobody said that there is room";
  StagedFile again(directory.path(), 16 * kChunk);
  again.allow_ahead();
  again.write(bytes.all(), 0);
  EXPECT_EQ(std::filesystem::file_size(directory / "data"), kPage);
  ASSERT_TRUE(again.allocated());
  EXPECT_GE(again.taken(), 16 * kChunk);
  again.finish(kPage);
  EXPECT_LT(again.taken(), kChunk) << "a partial holds no more than it needs";
}

TEST(StagedFile, IsCutToWhatCounts) {
  const TemporaryDirectory directory;
  const Bytes bytes(3 * kPage);
  StagedFile before(directory.path(), std::nullopt);
  EXPECT_EQ(before.length(), 0U);
  before.write(bytes.all(), 0);
  before.close();
  StagedFile file(directory.path(), std::nullopt);
  EXPECT_EQ(file.length(), 3 * kPage);
  file.cut(kPage);
  file.write(bytes.part(kPage, kPage), kPage);
  file.finish(2 * kPage);
  EXPECT_TRUE(same(directory / "data", bytes.part(0, 2 * kPage)));
}

TEST(StagedFile, FollowsNoLink) {
  const TemporaryDirectory directory;
  std::filesystem::create_symlink("/tmp/dync-must-not-appear", directory / "data");
  const Bytes bytes(10);
  StagedFile file(directory.path(), std::nullopt);
  EXPECT_THROW(file.write(bytes.all(), 0), posix::Error);
}

// ---- the threads ----

class Writer : public testing::Test {
 protected:
  std::vector<StagingWriter::Done> await(StagingWriter& writer, std::size_t jobs) {
    std::vector<StagingWriter::Done> all;
    while (all.size() < jobs) {
      pollfd event{writer.event_fd(), POLLIN, 0};
      if (::poll(&event, 1, 20000) != 1) break;
      for (auto& done : writer.collect()) all.push_back(std::move(done));
    }
    EXPECT_EQ(all.size(), jobs);
    return all;
  }
  static wire::Id id(unsigned char number) {
    std::array<std::byte, 16> raw{};
    raw[0] = std::byte{number};
    return wire::Id(raw);
  }
  TemporaryDirectory directory_;
};

TEST_F(Writer, ServesManyUploadsAndTellsEachEnd) {
  StagingWriter writer(3);
  const Bytes bytes(kChunk);
  std::vector<std::shared_ptr<StagedFile>> files;
  for (unsigned char i = 0; i < 20; ++i) {
    const auto path = directory_ / std::to_string(i);
    std::filesystem::create_directory(path);
    files.push_back(std::make_shared<StagedFile>(path, std::nullopt));
    writer.write(id(i), files.back(), bytes.all(), 0);
  }
  std::set<wire::Id> seen;
  for (const auto& done : await(writer, 20)) {
    EXPECT_FALSE(done.failure) << done.detail;
    seen.insert(done.upload);
  }
  EXPECT_EQ(seen.size(), 20U);
  EXPECT_EQ(writer.pending(), 0U);
  for (unsigned char i = 0; i < 20; ++i) writer.finish(id(i), files[i], kChunk);
  for (const auto& done : await(writer, 20)) EXPECT_FALSE(done.failure) << done.detail;
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(same(directory_ / std::to_string(i) / "data", bytes.all()));
}

TEST_F(Writer, AMissingDirectoryIsTheClients500AndTheLogsDetail) {
  StagingWriter writer(1);
  const Bytes bytes(10);
  writer.write(id(1), std::make_shared<StagedFile>(directory_ / "gone", std::nullopt), bytes.all(), 0);
  const auto done = await(writer, 1);
  ASSERT_TRUE(done.at(0).failure);
  EXPECT_EQ(done[0].failure->code, wire::Code::internal);
  EXPECT_EQ(done[0].failure->sentence.find(directory_.path().native()), std::string::npos)
      << "a client learns no paths";
  EXPECT_NE(done[0].detail.find("gone"), std::string::npos);
}

TEST_F(Writer, AFileSizeLimitIsAnErrorAndNoCrash) {
  struct rlimit before {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small {
    kPage, before.rlim_max
  };
  ::setrlimit(RLIMIT_FSIZE, &small);
  {
    StagingWriter writer(1);
    const Bytes bytes(kChunk);
    writer.write(id(1), std::make_shared<StagedFile>(directory_.path(), std::nullopt), bytes.all(), 0);
    EXPECT_TRUE(await(writer, 1).at(0).failure);
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
}

// A file system of 4 MiB of its own: in a user namespace where the tests do not run as root.
class FullDisk : public Writer {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) {
      ASSERT_EQ(::unshare(CLONE_NEWUSER | CLONE_NEWNS), 0) << "no namespaces here: run the tests as root";
    }
    mounted_ = ::mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, "size=4m") == 0;
    ASSERT_TRUE(mounted_);
  }
  void TearDown() override {
    if (mounted_) ::umount2(directory_.path().c_str(), MNT_DETACH);
  }
  bool mounted_ = false;
};

TEST_F(FullDisk, IsAPauseThatLeavesTheFileAsItWas) {
  StagingWriter writer(1);
  const Bytes bytes(kChunk);
  const auto filler = std::make_shared<StagedFile>(directory_.path(), std::nullopt);
  const auto other = directory_ / "other";
  std::filesystem::create_directory(other);
  const auto file = std::make_shared<StagedFile>(other, std::nullopt);
  writer.write(id(1), filler, bytes.all(), 0);
  writer.write(id(1), filler, bytes.all(), kChunk);
  await(writer, 2);
  std::uint64_t written = 0;
  while (true) {
    writer.write(id(2), file, bytes.part(0, kChunk / 2 + kPage), written);
    const StagingWriter::Done done = await(writer, 1).at(0);
    EXPECT_FALSE(done.failure);
    EXPECT_EQ(std::filesystem::file_size(other / "data"),
              done.no_room ? written : written + kChunk / 2 + kPage);
    if (done.no_room) break;
    written += kChunk / 2 + kPage;
    ASSERT_LT(written, 4 * kChunk);
  }
  EXPECT_GT(written, 0U);
  std::filesystem::remove(directory_ / "data");
  filler->close();
  writer.write(id(2), file, bytes.part(0, kChunk / 2 + kPage), written);
  writer.finish(id(2), file, written + kChunk / 2 + kPage);
  for (const StagingWriter::Done& done : await(writer, 2)) {
    EXPECT_FALSE(done.failure);
    EXPECT_FALSE(done.no_room);
  }
}

TEST_F(FullDisk, AKnownSizeThatDoesNotFitIsWrittenAsItComes) {
  StagingWriter writer(1);
  const Bytes bytes(kChunk);
  const auto file = std::make_shared<StagedFile>(directory_.path(), 64 * kChunk);
  file->allow_ahead();
  writer.write(id(1), file, bytes.all(), 0);
  const auto done = await(writer, 1);
  EXPECT_FALSE(done.at(0).failure);
  EXPECT_FALSE(done.at(0).no_room);
  EXPECT_FALSE(file->allocated());
  EXPECT_GE(posix::space_of(directory_.path()).free, 2 * kChunk) << "what it got ahead is given back";
}

// As write(2) tells a used-up quota.
TEST(NoRoom, AQuotaIsAFullDiskToo) {
  EXPECT_EQ(posix::Error(EDQUOT, "write", "data").kind(), posix::Kind::no_space);
  EXPECT_EQ(posix::Error(ENOSPC, "write", "data").kind(), posix::Kind::no_space);
}

}  // namespace
}  // namespace dync::receiver
