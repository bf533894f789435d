#pragma once

#include <filesystem>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/committer/committer_process.h"

namespace dync::committer {

// dync-committer as it runs, and questions about what it left behind.
class CommitterTest : public ::testing::Test {
 protected:
  void SetUp() override { hood_.process.start(); }

  std::vector<std::string> events_of(const ipc::Id& upload) {
    std::vector<std::string> names;
    const auto reader = hood_.process.reader();
    ledger::EventFilter filter;
    filter.upload = upload;
    for (const auto& event : reader.events(filter)) names.push_back(event.event);
    return names;
  }
  ledger::Upload row(const ipc::Id& upload) { return hood_.process.reader().upload(upload).value(); }
  std::set<std::string> in(const Path& directory) {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
      names.insert(entry.path().filename().string());
    return names;
  }
  // Clean-up follows the answer.
  void await_empty(const Path& directory) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!in(directory).empty()) ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }

  Neighbourhood hood_;
  Sample sample_;
};

}  // namespace dync::committer
