#include "client/states.h"

#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "client/inputs.h"
#include "proto/posix/file.h"
#include "tests/unit/temporary_directory.h"

namespace dync::client::states_test {
namespace {

using std::filesystem::path;

constexpr std::uint64_t kStep = limits::kStateStep;

digest::Midstate some_midstate(std::uint64_t length) {
  digest::Midstate midstate{.length = length, .words = {}};
  for (std::size_t i = 0; i < midstate.words.size(); ++i)
    midstate.words[i] = static_cast<std::uint32_t>(length + 0x9e3779b9U * i);
  return midstate;
}

class StatesTest : public testing::Test {
 protected:
  StatesTest() { write(file_, "content"); }

  static void write(const path& file, const std::string& text) { std::ofstream(file) << text; }
  static std::string read(const path& file) { return posix::read_file(file, 1 << 20); }
  // A new run of the program.
  StateResult run(bool resume = true, const std::string& name = "name") {
    states_.emplace(home_.path());
    return states_->open(server_, file_.string(), name, identity_, resume);
  }
  OpenedState opened(bool resume = true) {
    auto result = run(resume);
    if (std::holds_alternative<OpenedState>(result)) return std::get<OpenedState>(std::move(result));
    ADD_FAILURE() << "it is in use, or can't be used";
    return {std::make_unique<State>(wire::Id()), ""};
  }
  path state_dir() const { return home_ / "state"; }
  std::vector<path> files() const {
    std::vector<path> all;
    if (std::filesystem::exists(state_dir())) {
      for (const auto& each : std::filesystem::directory_iterator(state_dir())) all.push_back(each.path());
    }
    return all;
  }
  path only_file() const {
    const auto all = files();
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? path() : all[0];
  }
  static void age(const path& file, std::chrono::hours by) {
    std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now() - by);
  }
  static mode_t mode_of(const path& file) { return posix::find(file)->mode; }

  tests::TemporaryDirectory home_;
  path file_ = home_ / "file.raw";
  ServerAddress server_{"host", 8889};
  FileIdentity identity_{.size = 4 * kStep, .mtime_ns = 1'700'000'000'123'456'789, .inode = 17};
  std::optional<States> states_;
};

TEST_F(StatesTest, AFreshOneIsOnDiskBeforeAnythingIsSentAndOnlyForItsUser) {
  const auto [state, note] = opened();
  EXPECT_EQ(note, "");
  EXPECT_FALSE(state->known());
  EXPECT_TRUE(state->kept());
  EXPECT_EQ(state->replaces(), std::nullopt);
  EXPECT_EQ(mode_of(state_dir()), 0700u);
  EXPECT_EQ(mode_of(only_file()), 0600u);
  const auto json = nlohmann::json::parse(read(only_file()));
  EXPECT_EQ(json, (nlohmann::json{{"dync_state", 1},
                                  {"key", state->key().hex()},
                                  {"server", "host"},
                                  {"port", 8889},
                                  {"path", std::filesystem::canonical(file_).string()},
                                  {"name", "name"},
                                  {"size", 4 * kStep},
                                  {"mtime_ns", 1'700'000'000'123'456'789},
                                  {"inode", 17}}));
}

TEST_F(StatesTest, TheNextRunHasTheKeyAndTheHashes) {
  wire::Id key;
  {
    const auto first = opened();
    key = first.state->key();
    for (const std::uint64_t at : {kStep, 2 * kStep, 3 * kStep}) first.state->passed(some_midstate(at));
  }
  const auto [state, note] = opened();
  EXPECT_EQ(note, "");
  EXPECT_EQ(state->key(), key);
  EXPECT_TRUE(state->known());
  EXPECT_EQ(state->newest(kStep - 1), std::nullopt);
  EXPECT_EQ(state->newest(kStep), some_midstate(kStep));
  EXPECT_EQ(state->newest(3 * kStep - 1), some_midstate(2 * kStep));
  EXPECT_EQ(state->newest(4 * kStep), some_midstate(3 * kStep));
  const std::string before = read(only_file());
  state->passed(some_midstate(2 * kStep));  // hashed once more on the way: it stands there already
  EXPECT_EQ(read(only_file()), before);
}

TEST_F(StatesTest, EachUploadHasItsOwn) {
  const wire::Id key = opened().state->key();
  const auto other_name = run(true, "other");
  EXPECT_NE(std::get<OpenedState>(other_name).state->key(), key);
  server_.port = 1;
  EXPECT_NE(opened().state->key(), key);
  server_ = {"other", 8889};
  EXPECT_NE(opened().state->key(), key);
  file_ = home_ / "other.raw";
  write(file_, "content");
  EXPECT_NE(opened().state->key(), key);
  EXPECT_EQ(files().size(), 5u);
}

TEST_F(StatesTest, APathIsTheSameHoweverItIsWritten) {
  const wire::Id key = opened().state->key();
  std::filesystem::create_symlink(file_, home_ / "link");
  file_ = home_ / "link";
  EXPECT_EQ(opened().state->key(), key);
  file_ = home_ / "." / "state" / ".." / "file.raw";
  EXPECT_EQ(opened().state->key(), key);
}

TEST_F(StatesTest, AFileThatChangedStartsOverAndSaysWhichUploadItReplaces) {
  for (const int what : {0, 1, 2}) {
    wire::Id key;
    {
      const auto before = opened();
      key = before.state->key();
      before.state->passed(some_midstate(kStep));
    }
    if (what == 0) ++identity_.size;
    if (what == 1) ++identity_.mtime_ns;
    if (what == 2) ++identity_.inode;
    {
      const auto [state, note] = opened();
      EXPECT_NE(state->key(), key);
      EXPECT_EQ(state->replaces(), key);
      EXPECT_TRUE(state->known());
      EXPECT_EQ(state->newest(4 * kStep), std::nullopt);
      EXPECT_NE(note.find("changed"), std::string::npos) << note;
    }
    const auto [again, note] = opened();  // the post-file may have been lost
    EXPECT_EQ(again->replaces(), key);
    EXPECT_EQ(note, "");
    again->forget();
  }
  EXPECT_EQ(files().size(), 0u);
}

TEST_F(StatesTest, UntilTheNewOneIsApprovedItIsTheOldOneThatIsReplaced) {
  const wire::Id first = opened().state->key();
  for (int i = 0; i < 3; ++i) {
    ++identity_.size;
    EXPECT_EQ(opened().state->replaces(), first) << "of those between the server has nothing";
  }
  const wire::Id last = [&] {
    const auto approved = opened();
    approved.state->approved();
    const std::string before = read(only_file());
    approved.state->approved();
    EXPECT_EQ(read(only_file()), before);
    approved.state->passed(some_midstate(kStep));
    return approved.state->key();
  }();
  {
    const auto [again, note] = opened();
    EXPECT_EQ(again->key(), last);
    EXPECT_EQ(again->newest(kStep), some_midstate(kStep));
    again->approved();
  }
  ++identity_.size;
  EXPECT_EQ(opened().state->replaces(), last);
}

TEST_F(StatesTest, AnApprovalOfWhatReplacesNothingIsNotNoted) {
  const auto first = opened();
  const std::string before = read(only_file());
  first.state->approved();
  EXPECT_EQ(read(only_file()), before);
}

TEST_F(StatesTest, ATornApprovalIsNone) {
  const wire::Id first = opened().state->key();
  ++identity_.size;
  const std::string whole = (opened(), read(only_file()));
  write(only_file(), whole + "approve");
  opened();
  EXPECT_EQ(read(only_file()), whole);
  ++identity_.size;
  EXPECT_EQ(opened().state->replaces(), first);
}

TEST_F(StatesTest, NoResumeStartsOverWithoutAWord) {
  EXPECT_EQ(opened(false).state->replaces(), std::nullopt);
  const wire::Id key = opened().state->key();
  const auto [state, note] = opened(false);
  EXPECT_NE(state->key(), key);
  EXPECT_EQ(state->replaces(), key);
  EXPECT_EQ(note, "");
}

TEST_F(StatesTest, ATornLineIsCutOffAndTheNextOneStandsAlone) {
  wire::Id key;
  {
    const auto first = opened();
    key = first.state->key();
    first.state->passed(some_midstate(kStep));
    first.state->passed(some_midstate(2 * kStep));
  }
  const std::string whole = read(only_file());
  const std::size_t second = whole.find('\n', whole.find('\n') + 1) + 1;
  for (std::size_t length = second; length < whole.size(); length += 11) {
    write(only_file(), whole.substr(0, length));
    {
      const auto [state, note] = opened();
      EXPECT_EQ(note, "");
      EXPECT_EQ(state->key(), key);
      EXPECT_EQ(state->newest(4 * kStep), some_midstate(kStep)) << length;
      state->passed(some_midstate(2 * kStep));
    }
    EXPECT_EQ(read(only_file()), whole);
  }
  write(only_file(), whole.substr(0, second) + std::string(100, '\0'));  // as after a power cut
  EXPECT_EQ(opened().state->newest(4 * kStep), some_midstate(kStep));
}

TEST_F(StatesTest, LinesThatCantBeRightEndTheFile) {
  {
    const auto first = opened();
    first.state->passed(some_midstate(kStep));
  }
  const std::string good = read(only_file());
  const std::string hex(64, 'a');
  for (const std::string& bad :
       {"x " + hex, std::to_string(kStep) + " " + hex, "134217729 " + hex, "134217728 " + hex + "a",
        "134217728 " + hex.substr(1) + "g", "134217728" + hex, std::to_string(5 * kStep) + " " + hex,
        "-134217728 " + hex, std::string()}) {
    write(only_file(), good + bad + "\n" + std::to_string(3 * kStep) + " " + hex + "\n");
    EXPECT_EQ(opened().state->newest(4 * kStep), some_midstate(kStep)) << bad;
    EXPECT_EQ(read(only_file()), good) << bad;
  }
}

TEST_F(StatesTest, ABrokenOrForeignOneIsAFreshStartWithASentence) {
  const std::string good = (opened(), read(only_file()));
  const auto with = [&](const char* field, const nlohmann::json& value) {
    auto json = nlohmann::json::parse(good);
    json[field] = value;
    return json.dump() + "\n";
  };
  for (const std::string& bad :
       {std::string("\n"), std::string("not JSON\n"), std::string(300, '\0'), good.substr(0, good.size() - 1),
        std::string("[]\n"), with("dync_state", 2), with("key", "short"), with("key", 5), with("size", "x"),
        with("inode", 1.5), with("path", "/other"), with("name", "other"), with("server", "other"),
        with("port", 1), std::string(100'000, '[') + "\n"}) {
    write(only_file(), bad);
    const wire::Id key = [&] {
      const auto [state, note] = opened();
      EXPECT_NE(note.find("starts over"), std::string::npos) << bad;
      EXPECT_NE(note.find(only_file().string()), std::string::npos) << note;
      EXPECT_EQ(state->replaces(), std::nullopt);
      EXPECT_FALSE(state->known());
      return state->key();
    }();
    const auto [state, note] = opened();
    EXPECT_EQ(state->key(), key) << "the next run goes on with what is there now";
    EXPECT_EQ(note, "");
  }
}

TEST_F(StatesTest, AnEmptyOneIsJustFresh) {
  opened();
  std::filesystem::resize_file(only_file(), 0);
  const auto [state, note] = opened();
  EXPECT_EQ(note, "");
  EXPECT_FALSE(state->known());
}

TEST_F(StatesTest, OnlyOneRunAtATimeHasIt) {
  auto first = opened();
  EXPECT_TRUE(std::holds_alternative<StateInUse>(run()));
  EXPECT_TRUE(std::holds_alternative<StateInUse>(run(false)));
  EXPECT_TRUE(std::holds_alternative<OpenedState>(run(true, "other")));
  const wire::Id key = first.state->key();
  first.state.reset();  // as by SIGKILL
  EXPECT_EQ(opened().state->key(), key);
}

TEST_F(StatesTest, ALockHoldsAlsoFromTheMomentThatItStartedOver) {
  opened();
  const auto anew = opened(false);
  EXPECT_TRUE(std::holds_alternative<StateInUse>(run()));
}

TEST_F(StatesTest, AForgottenOneIsGone) {
  const auto first = opened();
  first.state->passed(some_midstate(kStep));
  first.state->forget();
  EXPECT_EQ(files().size(), 0u);
  first.state->passed(some_midstate(2 * kStep));
  EXPECT_EQ(files().size(), 0u);
  const auto next = opened();
  EXPECT_NE(next.state->key(), first.state->key());
  EXPECT_FALSE(next.state->known());
}

TEST_F(StatesTest, WithoutAPlaceItIsOnlyInMemoryAndSaysSoOnce) {
  write(state_dir(), "a file where the directory should be");
  const auto [state, note] = opened();
  EXPECT_NE(note.find("cannot be resumed after this run: "), std::string::npos) << note;
  EXPECT_NE(note.find(state_dir().string()), std::string::npos) << note;
  EXPECT_FALSE(state->kept());
  EXPECT_FALSE(state->key().empty());
  state->passed(some_midstate(kStep));
  state->forget();
  const auto second = std::get<OpenedState>(states_->open(server_, file_.string(), "b", identity_, true));
  EXPECT_EQ(second.note, "");
  EXPECT_NE(second.state->key(), state->key());
}

TEST_F(StatesTest, OneThatIsThereAndCantBeUsedIsRefusedForItsKeyIsNeeded) {
  opened();
  const path state = only_file();
  std::filesystem::remove(state);
  std::filesystem::create_directory(state);  // root may open any file, but not write to this
  const auto refused = run();
  ASSERT_TRUE(std::holds_alternative<StateUnusable>(refused));
  const std::string& sentence = std::get<StateUnusable>(refused).sentence;
  for (const std::string& part : {state.string(), std::string("Is a directory"), std::string("--no-resume")})
    EXPECT_NE(sentence.find(part), std::string::npos) << sentence;
  EXPECT_TRUE(std::holds_alternative<OpenedState>(run(true, "other"))) << "it is about one file only";
  const auto [anew, note] = opened(false);
  EXPECT_FALSE(anew->kept());
  EXPECT_NE(note.find("cannot be resumed after this run: "), std::string::npos) << note;
}

TEST_F(StatesTest, OneThatCantBeReplacedIsRefusedToo) {
  opened();
  std::filesystem::create_directory(only_file().string() + ".new");
  ++identity_.size;
  EXPECT_TRUE(std::holds_alternative<StateUnusable>(run()));
}

TEST_F(StatesTest, WhatNobodyTouchedForAMonthIsRemoved) {
  using std::chrono::hours;
  opened();
  const path old = only_file();
  const path left_over = old.string() + ".new", foreign = state_dir() / "notes.txt";
  write(left_over, "half");
  write(foreign, "mine");
  for (const path& each : {old, left_over, foreign}) age(each, hours(29 * 24));
  States{home_.path()};
  EXPECT_EQ(files().size(), 3u);
  for (const path& each : {old, left_over, foreign}) age(each, hours(31 * 24));
  {
    const auto held = opened();  // a run touches its state
    age(old, hours(31 * 24));
    States{home_.path()};
    EXPECT_TRUE(std::filesystem::exists(old)) << "a run has it";
    EXPECT_FALSE(std::filesystem::exists(left_over));
  }
  States{home_.path()};
  EXPECT_EQ(only_file(), foreign);
}

TEST_F(StatesTest, APathOfAnyBytesIsRemembered) {
  file_ = home_ /
          "gr\xf6\xdf"
          "e\n.raw";
  write(file_, "content");
  const wire::Id key = opened().state->key();
  EXPECT_EQ(opened().state->key(), key);
}

}  // namespace
}  // namespace dync::client::states_test
