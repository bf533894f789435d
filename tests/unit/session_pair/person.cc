#include "tests/unit/session_pair/person.h"

#include <algorithm>
#include <utility>

namespace dync::pair {

using namespace std::chrono_literals;
using End = ClientModel::End;

namespace {

constexpr milliseconds kLook = 10s;  // how often a person looks, and starts again what has ended

}  // namespace

void Person::run() {
  if (done_ || gone_) return;
  const auto left = std::find_if(files_.begin(), files_.end(),
                                 [this](const File& file) { return !place_.is_stored(file); });
  if (left == files_.end()) {
    done_ = true;
    return;
  }
  runs_.push_back(start_({left, files_.end()}));
  runs_.back()->start();
  if (!std::exchange(looking_, true)) place_.events.in(kLook, [this] { look(); });
}

void Person::die(bool for_good) {
  if (!running()) return;
  for (auto& run : runs_) {
    run->link().vanish();
    dead_.push_back(std::move(run));
  }
  runs_.clear();
  gone_ = for_good;
}

// Only the newest run counts: one that another run has displaced may miss that word, and wait in vain.
void Person::look() {
  if (done_ || gone_) return;
  const End end = runs_.empty() ? End::again : runs_.back()->end();
  place_.checks.expect(end != End::failed, "an upload failed",
                       runs_.empty() ? "" : runs_.back()->complaint());
  done_ = end == End::stored;
  if (end == End::again || end == End::known) run();
  place_.events.in(kLook, [this] { look(); });
}

}  // namespace dync::pair
