#pragma once

#include "committer/context.h"

namespace dync::committer {

// Brings together what makes a checkpoint: the hasher's state at an offset, and that all up to it is synced.
// Which comes first does not matter; both must be of one epoch and offset. Called within a batch only.
class Checkpoints {
 public:
  explicit Checkpoints(const Context& context) : context_(context) {}

  void hashed(const ipc::Checkpoint& message);
  void synced(const ipc::Synced& message);
  // A Park or AllReceived of this epoch: so many bytes are synced, whatever was planned.
  void all_synced(Job& job, std::uint32_t epoch, std::uint64_t bytes);

 private:
  Job* job_of(const Id& upload, std::uint32_t epoch) const;
  void record(Job& job);
  void tell(const Job& job) const;

  const Context& context_;
};

}  // namespace dync::committer
