#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "proto/posix/fd.h"
#include "proto/wire/messages.h"
#include "receiver/staged_file.h"

namespace dync::receiver {

// A few threads that write. The caller gives each upload at most one job at a time, so two writes never touch
// one page and what is written is always a prefix; the threads serve different uploads.
class StagingWriter {
 public:
  struct Done {
    wire::Id upload;
    std::optional<wire::Refusal> failure;  // for the client: 507 no space at the last sync, 500 all else
    bool no_room = false;                  // nothing was written for want of space: it can be tried again
    std::string detail;                    // of a failure, for the log
  };

  explicit StagingWriter(int threads);
  // Waits for the writes that are under way; jobs that have not begun are dropped.
  ~StagingWriter();
  StagingWriter(const StagingWriter&) = delete;
  StagingWriter& operator=(const StagingWriter&) = delete;

  // `bytes` must stay until the job is done.
  void write(const wire::Id& upload, std::shared_ptr<StagedFile> file, std::span<const std::byte> bytes,
             std::uint64_t offset);
  void sync(const wire::Id& upload, std::shared_ptr<StagedFile> file);
  void finish(const wire::Id& upload, std::shared_ptr<StagedFile> file, std::uint64_t size);

  // What ended since the last call. Readable when there is something.
  std::vector<Done> collect();
  int event_fd() const noexcept { return event_.get(); }
  std::size_t pending() const noexcept { return pending_; }  // jobs given and not yet collected

 private:
  enum class Kind { write, sync, finish };
  struct Job {
    Kind kind;
    wire::Id upload;
    std::shared_ptr<StagedFile> file;
    std::span<const std::byte> bytes;
    std::uint64_t at = 0;  // the offset, or the size of a finish
  };
  void give(Job job);
  void serve();
  static Done carry_out(const Job& job);

  posix::Fd event_;
  std::size_t pending_ = 0;
  std::mutex mutex_;  // of what follows
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  std::vector<Done> done_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace dync::receiver
