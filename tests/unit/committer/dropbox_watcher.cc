#include "tests/unit/committer/dropbox_watcher.h"

#include <chrono>
#include <gtest/gtest.h>
#include <poll.h>
#include <set>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dync::committer {
namespace {

const std::string kPrefix = ".MARKER_is_finished_";

bool is_marker(const std::string& name) {
  return name.starts_with(kPrefix);
}

std::set<std::string> list(const std::filesystem::path& directory) {
  std::set<std::string> names;
  std::error_code gone;
  for (std::filesystem::directory_iterator entry(directory, gone), end; !gone && entry != end;
       entry.increment(gone))
    names.insert(entry->path().filename().string());
  return names;
}

ino_t inode_of(const std::filesystem::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

DropboxWatcher::DropboxWatcher(std::filesystem::path dropbox, std::size_t entries)
    : dropbox_(std::move(dropbox)), entries_(entries), inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (::inotify_add_watch(inotify_.get(), dropbox_.c_str(), IN_CREATE | IN_MOVED_TO) < 0)
    throw std::runtime_error("cannot watch " + dropbox_.string());
  thread_ = std::thread([this] { watch(); });
}

DropboxWatcher::~DropboxWatcher() {
  stop();
}

void DropboxWatcher::expect(std::size_t markers) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (markers_ < markers) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "marker " << markers << " was not seen";
    std::this_thread::yield();
  }
}

std::vector<std::string> DropboxWatcher::stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  return problems_;
}

void DropboxWatcher::watch() {
  while (!stop_) {
    poll_once();
    read_events();
  }
}

void DropboxWatcher::poll_once() {
  for (const auto& name : list(dropbox_)) {
    if (is_marker(name)) continue;
    const auto before = inode_of(dropbox_ / name);
    const std::size_t found = list(dropbox_ / name).size();
    if (found != entries_ && before != 0 && inode_of(dropbox_ / name) == before)
      wrong(name + " was seen with " + std::to_string(found) + " entries");
  }
}

void DropboxWatcher::read_events() {
  pollfd ready{inotify_.get(), POLLIN, 0};
  if (::poll(&ready, 1, 1) <= 0) return;
  alignas(inotify_event) char buffer[8192];
  const ssize_t length = ::read(inotify_.get(), buffer, sizeof(buffer));
  for (ssize_t at = 0; at < length;) {
    const auto* event = static_cast<const inotify_event*>(static_cast<const void*>(buffer + at));
    note(event->name);
    at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
  }
}

void DropboxWatcher::wrong(const std::string& what) {
  problems_.push_back(what);
  ++problem_count_;
}

void DropboxWatcher::note(const std::string& name) {
  if (!is_marker(name)) {
    ++announced_[name];
    return;
  }
  const std::string item = name.substr(kPrefix.size());
  if (announced_[item] == 0)
    wrong("the marker of " + item + " came before it");
  else
    --announced_[item];
  ++markers_;
}

}  // namespace dync::committer
