#pragma once

#include <optional>
#include <vector>

#include "proto/ipc/messages.h"

namespace dync::committer {

// Post-files that wait until another upload has made room for them. One for each client's upload: a key, or
// an original's connection.
class WaitingOpens {
 public:
  void add(ipc::Open open) { opens_.push_back(std::move(open)); }
  // Takes out the one that asks for the same upload as `open`, if one waits.
  std::optional<ipc::Open> take_same(const ipc::Open& open);
  // Takes out those that wait for this upload, in the order in which they came.
  std::vector<ipc::Open> take_for(const ipc::Id& upload);
  void clear() { opens_.clear(); }

 private:
  std::vector<ipc::Open> opens_;
};

}  // namespace dync::committer
