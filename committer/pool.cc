#include "committer/pool.h"

#include "proto/posix/process.h"

namespace dync::committer {

Pool::Pool(Inbox& inbox, int threads, const char* name) : inbox_(inbox) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this, name] { serve(name); });
}

Pool::~Pool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    tasks_.clear();
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Pool::push(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void Pool::serve(const char* name) {
  posix::set_process_name(name);  // of this thread
  for (;;) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stop_ || !tasks_.empty(); });
    if (stop_) return;
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
  }
}

}  // namespace dync::committer
