#include "committer/inbox.h"

#include <utility>

#include "proto/posix/process.h"

namespace dync::committer {

Inbox::Inbox() : event_(posix::make_event()) {}

void Inbox::post(Action action) {
  const std::lock_guard lock(mutex_);
  actions_.push_back(std::move(action));
  posix::raise_event(event_.get());
}

Inbox::Action Inbox::take() {
  const std::lock_guard lock(mutex_);
  if (actions_.empty()) {
    posix::clear_event(event_.get());
    return nullptr;
  }
  Action action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace dync::committer
