#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <string_view>
#include <vector>

#include "committer/crash_points.h"
#include "schema/limits/untar_exit.h"
#include "schema/names/names.h"
#include "tests/unit/committer/committer_process.h"

// dync-committer is killed at each named point of an upload's way and started again; receiver and hasher say
// again what was not answered.
namespace dync::committer {
namespace {

using ledger::State;

// A receiver's and a hasher's memory of one upload.
class Sender {
 public:
  Sender(Neighbourhood& hood, const Sample& sample) : hood_(hood), sample_(sample) {}

  // One life of the committer: true once Committed was heard, false if it died.
  bool live_once(const std::string& crash_at) {
    hood_.process.start(crash_at);
    if (!upload_) {
      const auto opened = hood_.open(sample_);
      if (!opened) return false;
      upload_ = opened->upload;
      hood_.write(*upload_, sample_.content);
    }
    hood_.say_received(*upload_, sample_);
    hood_.say_verdict(*upload_, sample_);
    if (is_archive() && !untarred()) return false;
    return hood_.hear<ipc::Committed>().has_value();
  }

  const ipc::Id& upload() const { return *upload_; }
  bool is_archive() const { return sample_.filename.ends_with(".tar"); }

 private:
  // Whether the committer gets its tree again depends on how far it was.
  bool untarred() {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (std::chrono::steady_clock::now() < deadline) {
      const auto row = hood_.process.reader().upload(*upload_);
      if (row && (row->state == State::committing || row->state == State::committed)) return true;
      if (!hood_.process.running()) return false;
      if (row && row->state == State::extracting)
        return hood_.untar(limits::untar_exit::kExtracted, "", [](const Path& directory) {
          std::filesystem::create_directory(directory / "TOP");
          std::ofstream(directory / "TOP" / "a") << "12345";
        });
    }
    return false;
  }

  Neighbourhood& hood_;
  Sample sample_;
  std::optional<ipc::Id> upload_;
};

// A receiver's and a hasher's memory of one upload whose client is lost on the way and comes back by another
// connection. What is said again comes in either order.
class Returner {
 public:
  Returner(Neighbourhood& hood, bool park_first) : hood_(hood), park_first_(park_first) {
    sample_.key = ipc::Id::uuid4({std::byte{1}});
  }

  bool live_once(const std::string& crash_at) {
    hood_.process.start(crash_at);
    if (!upload_ && !begin()) return false;
    if (!resumed_ && !come_back()) return false;
    hood_.say_received(*upload_, sample_, *resumed_ + 1);
    hood_.say_verdict(*upload_, sample_, *resumed_ + 1);
    return hood_.hear<ipc::Committed>().has_value();
  }

  const ipc::Id& upload() const { return *upload_; }

 private:
  bool begin() {
    const auto opened = hood_.open(sample_);
    if (!opened) return false;
    upload_ = opened->upload;
    hood_.write(*upload_, sample_.content.substr(0, kBytes));
    return true;
  }
  bool come_back() {
    Sample elsewhere = sample_;
    elsewhere.routing_id = "connection 2";
    ipc::Open message = elsewhere.open(2);
    message.after = upload_;
    const ipc::Park park{*upload_, 1, kBytes, "taken over"};
    if (park_first_) hood_.receiver.say(park);
    hood_.receiver.say(message);
    if (!park_first_) hood_.receiver.say(park);
    const auto opened = hood_.hear<ipc::Opened>();
    if (!opened) return false;
    EXPECT_EQ(opened->upload, *upload_);
    EXPECT_EQ(opened->seek, kBytes);
    EXPECT_EQ(content_of(names::staging_dir(hood_.process.tmp(), *upload_) / names::kStagedData), "the ");
    hood_.write(*upload_, sample_.content);
    resumed_ = opened->epoch;
    return true;
  }

  static constexpr std::size_t kBytes = 4;
  Neighbourhood& hood_;
  Sample sample_;
  bool park_first_;
  std::optional<ipc::Id> upload_;
  std::optional<std::uint32_t> resumed_;  // the epoch that it was told
};

class CrashTest : public ::testing::TestWithParam<const char*> {
 protected:
  static Sample plain() { return {}; }
  static Sample archive() {
    Sample sample;
    sample.filename = "archive.tar";
    sample.metadata = R"({"untar":true})";
    return sample;
  }

  static void check(Neighbourhood& hood, const ipc::Id& upload, bool archive) {
    const std::string item = archive ? "TOP" : "sample.raw";
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(hood.process.dropbox()))
      names.insert(entry.path().filename().string());
    EXPECT_EQ(names, (std::set<std::string>{item, ".MARKER_is_finished_" + item}));
    EXPECT_EQ(content_of(hood.process.dropbox() / item / (archive ? "a" : item)),
              archive ? "12345" : "the data");
    const auto counts = hood.process.reader().count_by_state();
    EXPECT_EQ(counts, (std::map<State, std::uint64_t>{{State::committed, 1}}));
    EXPECT_EQ(hood.process.reader().upload(upload)->state, State::committed);
    await_clean(hood);
  }

  static void await_clean(Neighbourhood& hood) { await_empty(hood.process.tmp()); }
  static void await_empty(const Path& staging) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!std::filesystem::is_empty(staging))
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << staging << " is not emptied";
  }

  static bool after_the_answer(std::string_view point) {
    return point == crash::kEmptied || point == crash::kUnstamped || point == crash::kElsewhereGone ||
           point == crash::kCleaned;
  }

  // Killed at the point in its first life and, if it comes there again, in its second. What follows the
  // answer may kill before that is heard, and need not be passed again.
  template <typename Client>
  static void lead(Neighbourhood& hood, Client& sender, const char* point) {
    const bool late = after_the_answer(point);
    const bool first = sender.live_once(point);
    ASSERT_TRUE(first || (!late && sender.live_once(point)) || sender.live_once("")) << hood.process.log();
    if (first && late) {
      EXPECT_EQ(hood.process.wait().signal, SIGKILL);
      hood.process.start();
    }
  }
  static void converge(const Sample& sample, const char* point) {
    Neighbourhood hood;
    Sender sender(hood, sample);
    lead(hood, sender, point);
    check(hood, sender.upload(), sender.is_archive());
    hood.process.stop();
  }
};

class FileCrash : public CrashTest {};
class ArchiveCrash : public CrashTest {};

class ElsewhereCrash : public CrashTest {};

// The dropbox is on another file system than staging.
TEST_P(ElsewhereCrash, Converges) {
  for (const Sample& sample : {plain(), archive()}) {
    if (sample.filename.ends_with(".tar") && GetParam() == crash::kSidecarsWritten) continue;
    SCOPED_TRACE(sample.filename);
    Neighbourhood hood;
    hood.process.use_other_file_system();
    Sender sender(hood, sample);
    lead(hood, sender, GetParam());
    check(hood, sender.upload(), sender.is_archive());
    await_empty(hood.process.dropbox_staging());
    hood.process.stop();
  }
}

TEST_P(FileCrash, Converges) {
  converge(plain(), GetParam());
}

TEST_P(ArchiveCrash, Converges) {
  converge(archive(), GetParam());
}

class ReturnCrash : public CrashTest {};

TEST_P(ReturnCrash, Converges) {
  for (const bool park_first : {true, false}) {
    SCOPED_TRACE(park_first);
    Neighbourhood hood;
    Returner returner(hood, park_first);
    lead(hood, returner, GetParam());
    check(hood, returner.upload(), false);
    hood.process.stop();
  }
}

class ExpiryCrash : public CrashTest {};

// Killed when the partial has expired, or while it is removed, each time until it is gone.
TEST_P(ExpiryCrash, Converges) {
  Neighbourhood hood;
  hood.process.set_limits("partial_ttl: 1");
  hood.process.start(GetParam());
  Sample sample;
  sample.key = ipc::Id::uuid4({std::byte{1}});
  const auto opened = hood.open(sample);
  ASSERT_TRUE(opened);
  hood.write(opened->upload, "the ");
  hood.receiver.say(ipc::Park{opened->upload, 1, 4, "silent for 60 s"});
  EXPECT_EQ(hood.process.wait().signal, SIGKILL);
  EXPECT_EQ(hood.process.reader().upload(opened->upload)->state, State::expired);
  hood.process.start();
  await_clean(hood);
  ledger::EventFilter filter;
  filter.upload = opened->upload;
  const auto events = hood.process.reader().events(filter);
  ASSERT_EQ(events.size(), 3U) << "it expires once";
  EXPECT_EQ(events.back().event, "expired");
  const auto fresh = hood.open(sample, 2);
  ASSERT_TRUE(fresh);
  EXPECT_EQ(fresh->seek, 0U);
  EXPECT_NE(fresh->upload, opened->upload);
}

class RecoveryCrash : public CrashTest {};

// Killed while it publishes, and again while the next one recovers.
TEST_P(RecoveryCrash, Converges) {
  for (const Sample& sample : {plain(), archive()})
    for (const char* before : {crash::kDataMoved, crash::kItemRenamed}) {
      SCOPED_TRACE(sample.filename + " " + before);
      Neighbourhood hood;
      Sender sender(hood, sample);
      sender.live_once(before);
      EXPECT_EQ(hood.process.wait().signal, SIGKILL);
      hood.process.start(GetParam());
      EXPECT_EQ(hood.process.wait().signal, SIGKILL);
      ASSERT_TRUE(sender.live_once("")) << hood.process.log();
      check(hood, sender.upload(), sender.is_archive());
      hood.process.stop();
    }
}

TEST(Recovery, ARowWithoutFilesGetsThemAgain) {
  Neighbourhood hood;
  Sample sample;
  hood.process.start();
  const auto opened = hood.open(sample);
  ASSERT_TRUE(opened);
  hood.process.kill();
  std::filesystem::remove_all(names::staging_dir(hood.process.tmp(), opened->upload));
  hood.process.start(crash::kMended);
  EXPECT_EQ(hood.process.wait().signal, SIGKILL);
  hood.process.start();
  hood.process.await_ready();
  hood.write(opened->upload, sample.content);
  hood.say_received(opened->upload, sample);
  hood.say_verdict(opened->upload, sample);
  EXPECT_TRUE(hood.hear<ipc::Committed>()) << hood.process.log();
}

TEST(Recovery, AnOrphanIsSetAsideOnce) {
  Neighbourhood hood;
  Sample sample;
  hood.process.start();
  const auto opened = hood.open(sample);
  ASSERT_TRUE(opened);
  const ipc::Id orphan = ipc::Id::uuid4({std::byte{7}});
  const Path directory = names::staging_dir(hood.process.tmp(), orphan);
  const auto stamp =
      names::parse_stamp(content_of(names::staging_dir(hood.process.tmp(), opened->upload) / names::kStamp));
  hood.process.kill();
  std::filesystem::create_directory(directory);
  std::ofstream(directory / names::kStamp) << names::format_stamp({stamp.value().ledger, orphan});
  std::ofstream(directory / names::kStagedData) << "somebody's";
  hood.process.start(crash::kSetAside);
  EXPECT_EQ(hood.process.wait().signal, SIGKILL);
  hood.process.start();
  hood.process.await_ready();
  EXPECT_FALSE(std::filesystem::exists(directory));
  EXPECT_EQ(content_of(hood.process.tmp() / names::kOrphans / orphan.hex() / names::kStagedData),
            "somebody's");
}

TEST(Recovery, AReceiverThatGreetsIsAnsweredByTheNext) {
  Neighbourhood hood;
  Sample sample;
  hood.process.start(crash::kGreeted);
  const auto opened = hood.open(sample);
  ASSERT_TRUE(opened);
  hood.receiver.say(ipc::Hello{});
  EXPECT_EQ(hood.process.wait().signal, SIGKILL);
  hood.process.start();
  hood.process.await_ready();
  hood.receiver.say(ipc::Hello{});
  const auto restore = hood.hear<ipc::Restore>();
  ASSERT_TRUE(restore);
  EXPECT_EQ(restore->upload, opened->upload);
  EXPECT_TRUE(hood.hear<ipc::Restored>());
}

TEST(CrashPoint, KillsAReturner) {
  for (const char* point : {crash::kParked, crash::kResumed}) {
    SCOPED_TRACE(point);
    Neighbourhood hood;
    Returner(hood, true).live_once(point);
    EXPECT_EQ(hood.process.wait().signal, SIGKILL);
  }
}

TEST(CrashPoint, KillsAtAll) {
  for (const char* point : crash::kAll) {
    SCOPED_TRACE(point);
    Neighbourhood hood;
    Sample sample;
    if (point == crash::kExtracted) {
      sample.filename = "archive.tar";
      sample.metadata = R"({"untar":true})";
    }
    Sender(hood, sample).live_once(point);
    EXPECT_EQ(hood.process.wait().signal, SIGKILL);
  }
}

// All points but one that is not on the way.
std::vector<const char*> all_but(const char* point) {
  std::vector<const char*> points;
  for (const char* one : crash::kAll)
    if (one != point) points.push_back(one);
  return points;
}

std::string name_of(const ::testing::TestParamInfo<const char*>& point) {
  std::string name = point.param;
  for (char& c : name)
    if (c == '.') c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Points, ReturnCrash,
                         ::testing::Values(crash::kOpened, crash::kParked, crash::kResumed, crash::kReceived,
                                           crash::kVerified, crash::kItemRenamed, crash::kCommitted),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Points, RecoveryCrash,
                         ::testing::Values(crash::kRecovering, crash::kReplayed, crash::kRecovered), name_of);
INSTANTIATE_TEST_SUITE_P(Points, ExpiryCrash,
                         ::testing::Values(crash::kExpired, crash::kEmptied, crash::kUnstamped,
                                           crash::kCleaned),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Points, ElsewhereCrash, ::testing::ValuesIn(crash::kAllElsewhere), name_of);
INSTANTIATE_TEST_SUITE_P(Points, FileCrash, ::testing::ValuesIn(all_but(crash::kExtracted)), name_of);
INSTANTIATE_TEST_SUITE_P(Points, ArchiveCrash, ::testing::ValuesIn(all_but(crash::kSidecarsWritten)),
                         name_of);

}  // namespace
}  // namespace dync::committer
