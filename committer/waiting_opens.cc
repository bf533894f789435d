#include "committer/waiting_opens.h"

#include <algorithm>

namespace dync::committer {
namespace {

bool same_upload(const ipc::Open& one, const ipc::Open& other) {
  if (one.user != other.user || one.options.has_value() != other.options.has_value()) return false;
  return one.options ? one.options->key == other.options->key : one.routing_id == other.routing_id;
}

}  // namespace

std::optional<ipc::Open> WaitingOpens::take_same(const ipc::Open& open) {
  const auto found = std::find_if(opens_.begin(), opens_.end(),
                                  [&](const ipc::Open& waiting) { return same_upload(waiting, open); });
  if (found == opens_.end()) return std::nullopt;
  ipc::Open taken = std::move(*found);
  opens_.erase(found);
  return taken;
}

std::vector<ipc::Open> WaitingOpens::take_for(const ipc::Id& upload) {
  const auto others = std::stable_partition(opens_.begin(), opens_.end(),
                                            [&](const ipc::Open& open) { return open.after != upload; });
  std::vector<ipc::Open> taken(std::make_move_iterator(others), std::make_move_iterator(opens_.end()));
  opens_.erase(others, opens_.end());
  return taken;
}

}  // namespace dync::committer
