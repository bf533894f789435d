#include "client/states.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <iterator>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "client/crash_points.h"
#include "client/sentences.h"
#include "proto/posix/crash_point.h"
#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "proto/posix/process.h"
#include "schema/limits/limits.h"
#include "schema/names/names.h"

namespace dync::client {

namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr int kFlags = O_RDWR | O_CREAT | O_APPEND;

// A file system without locks is no reason not to send.
bool lock(const posix::Fd& file) {
  return ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

// Whether the file still has a name: the run that held it before may have removed it.
bool named(const posix::Fd& file) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) posix::fail("look at", "the state file");
  return info.st_nlink > 0;
}

// Nothing: another run has it.
std::optional<posix::Fd> open_locked(int directory, const std::string& name) {
  for (;;) {
    posix::Fd file = posix::open_at(directory, name, kFlags, kFileMode);
    if (!lock(file)) return std::nullopt;
    if (named(file)) return file;
  }
}

std::string absolute(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::canonical(path, error);
  return error ? std::filesystem::absolute(path).string() : whole.string();
}

bool untouched(const posix::FileInfo& file, std::chrono::system_clock::time_point now) {
  const auto touched = std::chrono::system_clock::time_point(std::chrono::nanoseconds(file.mtime_ns));
  return now - touched > limits::kStateKept;
}

// What the server has of an earlier run: until it has approved the newest upload, that is the one before.
wire::Id to_replace(const Memory& memory) {
  return memory.approved ? memory.key : memory.replaces.value_or(memory.key);
}

// Also where nobody can tell.
bool may_exist(const std::filesystem::path& file) {
  try {
    return posix::find(file).has_value();
  } catch (const posix::Error&) {
    return true;
  }
}

}  // namespace

wire::Id random_key() {
  std::array<std::byte, wire::Id::kBytes> random{};
  posix::random_bytes(random);
  return wire::Id(random);
}

// ---- one upload ----

State::State(int directory, std::string name, posix::Fd file, Memory memory, bool known)
    : directory_(directory),
      name_(std::move(name)),
      file_(std::move(file)),
      memory_(std::move(memory)),
      known_(known) {}

std::optional<digest::Midstate> State::newest(std::uint64_t position) const {
  const auto& all = memory_.midstates;
  const auto above = std::upper_bound(
      all.begin(), all.end(), position,
      [](std::uint64_t wanted, const digest::Midstate& each) { return wanted < each.length; });
  return above == all.begin() ? std::nullopt : std::optional(*std::prev(above));
}

void State::passed(const digest::Midstate& midstate) {
  const bool there = !memory_.midstates.empty() && midstate.length <= memory_.midstates.back().length;
  if (!there && append(midstate_line(midstate))) memory_.midstates.push_back(midstate);
}

void State::approved() {
  if (!memory_.replaces || std::exchange(memory_.approved, true)) return;
  append(kApprovedLine);
}

bool State::append(std::string_view line) {
  if (!file_ || full_) return false;
  try {
    posix::write_all(file_.get(), line);
  } catch (const posix::Error&) {
    full_ = true;  // the next run hashes more, that is all
  }
  return !full_;
}

void State::forget() {
  if (!file_) return;
  ::unlinkat(directory_, name_.c_str(), 0);
  file_.reset();
}

// ---- all of them ----

States::States(const std::filesystem::path& config_dir) : path_(config_dir / names::kState) {
  try {
    sweep();
  } catch (const posix::Error&) {  // the first upload tells of it
  }
}

void States::sweep() {
  if (!posix::find(path_)) return;
  const posix::Fd directory = posix::open_directory(path_);
  const auto now = std::chrono::system_clock::now();
  posix::each_entry(directory.get(), [&](const std::string& name) {
    if (!names::is_state_file(name)) return;
    const auto found = posix::find_at(directory.get(), name);
    if (!found || found->type != posix::FileType::regular || !untouched(*found, now)) return;
    const auto file = open_locked(directory.get(), name);
    if (file) ::unlinkat(directory.get(), name.c_str(), 0);
  });
}

StateResult States::open(const ServerAddress& server, const std::string& path, const std::string& name,
                         const FileIdentity& file, bool resume) {
  const Errand errand{server, absolute(path), name};
  try {
    if (!directory_) {
      if (::mkdir(path_.c_str(), kDirectoryMode) != 0 && errno != EEXIST)
        posix::fail("make the directory", path_.native());
      directory_ = posix::open_directory(path_);
    }
    return load(errand, file, resume);
  } catch (const posix::Error& error) {
    const std::filesystem::path left = path_ / digest_of(errand);
    if (resume && may_exist(left)) return StateUnusable{unusable_sentence(left.native(), error.what())};
    return without(error.what());
  }
}

OpenedState States::without(const std::string& why) {
  const bool first = !std::exchange(told_, true);
  return {std::make_unique<State>(random_key()), first ? "cannot be resumed after this run: " + why : ""};
}

StateResult States::load(const Errand& errand, const FileIdentity& file, bool resume) {
  const std::string name = digest_of(errand);
  auto locked = open_locked(directory_.get(), name);
  if (!locked) return StateInUse{};
  const std::string shown = (path_ / name).native();
  Memory anew{
      .key = random_key(), .replaces = {}, .approved = false, .file = file, .midstates = {}, .whole = 0};
  if (posix::info_of(locked->get()).size == 0)
    return OpenedState{begin(errand, name, *std::move(locked), std::move(anew)), ""};
  const std::string text = posix::read_file(locked->get(), shown, limits::kMaxStateFile);
  auto memory = parse_state(text, errand);
  const bool changed = memory && memory->file != file;
  if (!memory || changed || !resume) {
    if (memory) anew.replaces = to_replace(*memory);
    std::string note = changed ? "starts over, for it has changed since its upload began" : "";
    if (!memory) note = "starts over, for " + shown + " does not tell how far it was";
    return OpenedState{begin_anew(errand, name, std::move(anew)), std::move(note)};
  }
  if (memory->whole < text.size() && ::ftruncate(locked->get(), static_cast<off_t>(memory->whole)) != 0)
    posix::fail("cut", shown);
  ::futimens(locked->get(), nullptr);
  auto state = std::make_unique<State>(directory_.get(), name, *std::move(locked), *std::move(memory), true);
  return OpenedState{std::move(state), ""};
}

std::unique_ptr<State> States::begin(const Errand& errand, const std::string& name, posix::Fd locked,
                                     Memory memory) {
  try {
    posix::write_all(locked.get(), first_line(errand, memory));
    const bool durable = memory.file.size >= limits::kSyncedState;
    if (durable) posix::sync_all(locked.get());
    if (durable) posix::sync_all(directory_.get());
  } catch (const posix::Error&) {
    ::unlinkat(directory_.get(), name.c_str(), 0);
    throw;
  }
  const bool known = memory.replaces.has_value();
  return std::make_unique<State>(directory_.get(), name, std::move(locked), std::move(memory), known);
}

// The old file stays until the new one is whole: its key is needed to end that upload. The new one is locked
// before it gets the name.
std::unique_ptr<State> States::begin_anew(const Errand& errand, const std::string& name, Memory memory) {
  const std::string fresh = name + names::kNewSuffix;
  posix::Fd file = posix::open_at(directory_.get(), fresh, kFlags | O_TRUNC, kFileMode);
  lock(file);
  const bool durable = memory.file.size >= limits::kSyncedState;
  auto state = begin(errand, fresh, std::move(file), std::move(memory));
  posix::crash_point(crash::kReplacing);
  if (::renameat(directory_.get(), fresh.c_str(), directory_.get(), name.c_str()) != 0)
    posix::fail("rename", (path_ / fresh).native());
  state->renamed(name);
  if (durable) posix::sync_all(directory_.get());
  return state;
}

}  // namespace dync::client
