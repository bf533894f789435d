#include "ops/server/stop_order.h"

#include <array>
#include <csignal>

namespace dync::server {
namespace {

struct Stage {
  ipc::Role role;
  int tenths;  // of the limit, counted from the start of the stop
};

constexpr std::array kStages = {
    Stage{ipc::Role::receiver, 6},
    Stage{ipc::Role::hasher, 7},
    Stage{ipc::Role::committer, 9},
};

}  // namespace

bool StopOrder::done() const noexcept {
  return stage_ == kStages.size();
}

std::vector<StopOrder::Action> StopOrder::next(Clock::time_point now,
                                               const std::function<bool(ipc::Role)>& alive) {
  std::vector<Action> actions;
  while (!done() && !alive(kStages[stage_].role)) {
    ++stage_;
    told_ = killed_ = false;
  }
  if (done()) return actions;
  const Stage& stage = kStages[stage_];
  if (!told_) actions.push_back({stage.role, SIGTERM});
  told_ = true;
  if (!killed_ && now - begun_ >= limit_ * stage.tenths / 10) {
    actions.push_back({stage.role, SIGKILL});
    killed_ = true;
  }
  return actions;
}

}  // namespace dync::server
