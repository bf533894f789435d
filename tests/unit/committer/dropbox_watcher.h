#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "proto/posix/fd.h"

namespace dync::committer {

// A consumer that looks at a dropbox by polling and by inotify, and notes what it must never see: a marker
// before its item, or an item without all its entries.
class DropboxWatcher {
 public:
  // Every item must have exactly `entries` entries at once.
  DropboxWatcher(std::filesystem::path dropbox, std::size_t entries);
  ~DropboxWatcher();

  // Waits until `markers` markers were announced by inotify; fails the test after ten seconds.
  void expect(std::size_t markers);
  std::size_t problems() const { return problem_count_; }
  // What was wrong so far; ends the watching.
  std::vector<std::string> stop();

 private:
  void watch();
  void poll_once();
  void read_events();
  void note(const std::string& name);
  void wrong(const std::string& what);

  std::filesystem::path dropbox_;
  std::size_t entries_;
  posix::Fd inotify_;
  std::atomic<bool> stop_{false};
  std::atomic<std::size_t> markers_{0};
  std::map<std::string, std::size_t> announced_;  // items, by inotify
  std::atomic<std::size_t> problem_count_{0};
  std::vector<std::string> problems_;  // of the thread, until it has ended
  std::thread thread_;
};

}  // namespace dync::committer
