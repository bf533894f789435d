#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <string_view>
#include <vector>

#include "committer/crash_points.h"
#include "schema/limits/untar_exit.h"
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

class CrashTest : public ::testing::TestWithParam<const char*> {
 protected:
  static Sample plain() { return {}; }
  static Sample archive() {
    Sample sample;
    sample.filename = "archive.tar";
    sample.metadata = R"({"untar":true})";
    return sample;
  }

  static void check(Neighbourhood& hood, const Sender& sender) {
    const std::string item = sender.is_archive() ? "TOP" : "sample.raw";
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(hood.process.dropbox()))
      names.insert(entry.path().filename().string());
    EXPECT_EQ(names, (std::set<std::string>{item, ".MARKER_is_finished_" + item}));
    EXPECT_EQ(content_of(hood.process.dropbox() / item / (sender.is_archive() ? "a" : item)),
              sender.is_archive() ? "12345" : "the data");
    const auto counts = hood.process.reader().count_by_state();
    EXPECT_EQ(counts, (std::map<State, std::uint64_t>{{State::committed, 1}}));
    EXPECT_EQ(hood.process.reader().upload(sender.upload())->state, State::committed);
    await_clean(hood);
  }

  static void await_clean(Neighbourhood& hood) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!std::filesystem::is_empty(hood.process.tmp()))
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "staging is not removed";
  }

  static bool after_the_answer(std::string_view point) {
    return point == crash::kEmptied || point == crash::kUnstamped || point == crash::kCleaned;
  }

  // Killed at the point in its first life and, if it comes there again, in its second.
  static void converge(const Sample& sample, const char* point) {
    Neighbourhood hood;
    Sender sender(hood, sample);
    const bool heard = sender.live_once(point) || sender.live_once(point) || sender.live_once("");
    ASSERT_TRUE(heard) << hood.process.log();
    if (after_the_answer(point)) {
      EXPECT_EQ(hood.process.wait().signal, SIGKILL);
      hood.process.start();
    }
    check(hood, sender);
    hood.process.stop();
  }
};

class FileCrash : public CrashTest {};
class ArchiveCrash : public CrashTest {};

TEST_P(FileCrash, Converges) {
  converge(plain(), GetParam());
}

TEST_P(ArchiveCrash, Converges) {
  converge(archive(), GetParam());
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

INSTANTIATE_TEST_SUITE_P(Points, FileCrash, ::testing::ValuesIn(all_but(crash::kExtracted)), name_of);
INSTANTIATE_TEST_SUITE_P(Points, ArchiveCrash, ::testing::ValuesIn(all_but(crash::kSidecarsWritten)),
                         name_of);

}  // namespace
}  // namespace dync::committer
