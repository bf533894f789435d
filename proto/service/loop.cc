#include "proto/service/loop.h"

#include <algorithm>
#include <vector>

namespace dync::service {
namespace {

using std::chrono::milliseconds;

template <typename Handler>
std::shared_ptr<Handler> kept(Handler handler) {
  return std::make_shared<Handler>(std::move(handler));
}

}  // namespace

Loop::Id Loop::on_socket(void* handle, Handler handler) {
  sources_.emplace(next_, Source{handle, -1, kept(std::move(handler))});
  return next_++;
}

Loop::Id Loop::on_readable(int fd, Handler handler) {
  sources_.emplace(next_, Source{nullptr, fd, kept(std::move(handler))});
  return next_++;
}

Loop::Id Loop::after(milliseconds delay, Handler handler) {
  return add_timer(delay, milliseconds(0), std::move(handler));
}

Loop::Id Loop::every(milliseconds period, Handler handler) {
  return add_timer(period, period, std::move(handler));
}

Loop::Id Loop::add_timer(milliseconds delay, milliseconds period, Handler handler) {
  const auto due = Clock::now() + delay;
  timers_.emplace(next_, Timer{due, period, kept(std::move(handler))});
  schedule_.emplace(due, next_);
  return next_++;
}

Loop::Id Loop::each_turn(Handler handler) {
  turns_.emplace(next_, kept(std::move(handler)));
  return next_++;
}

void Loop::remove(Id id) {
  if (sources_.erase(id) != 0 || turns_.erase(id) != 0) return;
  const auto timer = timers_.find(id);
  if (timer == timers_.end()) return;
  schedule_.erase({timer->second.due, id});
  timers_.erase(timer);
}

void Loop::run() {
  while (!stopping_) {
    run_sources();
    run_timers();
    run_turns();
  }
}

void Loop::stop() {
  stopping_ = true;
}

milliseconds Loop::until_next_timer() const {
  if (schedule_.empty()) return milliseconds(-1);
  const auto left = schedule_.begin()->first - Clock::now();
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(left));
}

// A handler may remove others, or itself: each is looked up again, and kept while it runs.
void Loop::run_sources() {
  std::vector<transport::PollItem> items;
  std::vector<Id> ids;
  for (const auto& [id, source] : sources_) {
    items.push_back({source.socket, source.fd});
    ids.push_back(id);
  }
  transport::poll(items, until_next_timer());
  for (std::size_t i = 0; i < items.size() && !stopping_; ++i) {
    const auto source = items[i].readable ? sources_.find(ids[i]) : sources_.end();
    if (source == sources_.end()) continue;
    const auto handler = source->second.handler;
    (*handler)();
  }
}

// Only what is due at the start: a timer of no delay that starts itself again can't hold up the sockets.
void Loop::run_timers() {
  const auto now = Clock::now();
  std::vector<Id> due;
  for (const auto& [when, id] : schedule_) {
    if (when > now) break;
    due.push_back(id);
  }
  for (const Id id : due) {
    const auto found = timers_.find(id);
    if (stopping_ || found == timers_.end()) continue;
    Timer& timer = found->second;
    const auto handler = timer.handler;
    schedule_.erase({timer.due, id});
    if (timer.period > Clock::duration::zero()) {
      timer.due = std::max(timer.due + timer.period, now);
      schedule_.emplace(timer.due, id);
    } else {
      timers_.erase(found);
    }
    (*handler)();
  }
}

void Loop::run_turns() {
  std::vector<Id> ids;
  for (const auto& turn : turns_) ids.push_back(turn.first);
  for (const Id id : ids) {
    const auto turn = turns_.find(id);
    if (stopping_ || turn == turns_.end()) continue;
    const auto handler = turn->second;
    (*handler)();
  }
}

}  // namespace dync::service
