#pragma once

#include <deque>
#include <functional>
#include <unordered_map>
#include <vector>

#include "hasher/hashing.h"
#include "proto/service/log.h"

namespace dync::hasher {

// All uploads of this hasher, and who gets the processor next. No sockets.
class Uploads {
 public:
  // Says an outcome to the committer. False: not now, it is asked again at the next look().
  using Tell = std::function<bool(const ipc::Message&)>;

  Uploads(const ipc::SharedMemory& memory, OpenStaged open, Tell tell, const service::Log& log);

  // A message of the receiver: Begin, Chunk, Plan, End or Drop.
  void take(const ipc::Message& message, Clock::time_point now);
  // Several times in each limits::kHintPause: finds uploads that wait for no message any more, and forgets
  // those that are over.
  void look(Clock::time_point now);
  // Goes round the uploads that have work, a share each, at most about limits::kHashTurn in all.
  void work(Clock::time_point now);
  bool is_busy() const noexcept { return !ready_.empty(); }
  // To a new committer: all checkpoints and outcomes that no Drop has ended yet.
  void tell_again();

  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    Hashing hashing;
    bool queued = false;
    bool told = false;
    std::uint64_t checkpoint_told = 0;  // its offset
  };

  void begin(const ipc::Begin& begin, Clock::time_point now);
  void hint(const ipc::Chunk& chunk, Clock::time_point now);
  void plan(const ipc::Plan& plan);
  void end(const ipc::End& end, Clock::time_point now);
  void queue(const wire::Id& upload, Entry& entry, Clock::time_point now);
  std::size_t work_on(const wire::Id& upload, Clock::time_point now);
  void tell(Entry& entry);
  void tell_checkpoint(Entry& entry);
  void log_outcome(const Entry& entry) const;

  const ipc::SharedMemory& memory_;
  OpenStaged open_;
  Tell tell_;
  const service::Log& log_;
  std::unordered_map<wire::Id, Entry> entries_;
  std::deque<wire::Id> ready_;  // each once; an id without entry was dropped
  std::vector<std::byte> buffer_;
};

}  // namespace dync::hasher
