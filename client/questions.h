#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "client/clock.h"

// The query-status messages that are on their way, and which answer belongs to which. A connection keeps the
// order: what was sent before a question has arrived before it, so a position below the question's means a
// loss, and one that is equal says only that later bytes are still on their way. Pure.
namespace dync::client {

struct Question {
  std::uint64_t position = 0;  // the end of what was sent before
  std::uint64_t chunks = 0;    // how many were sent before, of all
  bool after_last = false;     // the last chunk was sent before
  Time at;
};

class Questions {
 public:
  void ask(const Question& question) { waiting_.push_back({question, false}); }
  // The connection is another one: no answer comes any more.
  void forget() { waiting_.clear(); }
  // The upload goes on at `position`: the answers that are on their way speak of what was sent before.
  void outdate(std::uint64_t position);

  struct Reply {
    enum class Kind {
      arrived,   // everything up to the question's position
      outdated,  // it says nothing new
      rewind,    // something was lost, or nobody asked
    };
    Kind kind;
    Question question;
  };
  // A status-report of this position.
  Reply report(std::uint64_t seek);
  // The answer "as I said last time". None if no question of now is open.
  std::optional<Question> unchanged();

 private:
  struct Entry {
    Question question;
    bool outdated;
  };
  Question take();

  std::deque<Entry> waiting_;
  std::uint64_t outdated_at_ = 0;
};

}  // namespace dync::client
