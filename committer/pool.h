#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "committer/inbox.h"
#include "proto/posix/error.h"

namespace dync::committer {

// Why a piece of work could not be done.
struct Failure {
  posix::Kind kind = posix::Kind::io;
  std::string sentence;
};
template <typename Result>
using Outcome = std::variant<Result, Failure>;

// Threads for work that touches files only. Its result comes back through the inbox, so that it is recorded
// with the next batch.
class Pool {
 public:
  Pool(Inbox& inbox, int threads, const char* name);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();  // ends what runs, forgets what waits: the ledger knows of it

  // Runs `work` in a thread, then `done(Outcome<Result>)` in a batch. A posix::Error of `work` is a Failure.
  template <typename Work, typename Done>
  void run(Work work, Done done) {
    using Result = decltype(work());
    push([this, work = std::move(work), done = std::move(done)] {
      auto outcome = std::make_shared<Outcome<Result>>(attempt<Result>(work));
      inbox_.post([done, outcome] { done(std::move(*outcome)); });
    });
  }

 private:
  template <typename Result, typename Work>
  static Outcome<Result> attempt(const Work& work) {
    try {
      return work();
    } catch (const posix::Error& error) {
      return Failure{error.kind(), error.what()};
    }
  }
  void push(std::function<void()> task);
  void serve(const char* name);

  Inbox& inbox_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace dync::committer
