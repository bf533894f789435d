#pragma once

#include <optional>

#include "committer/job.h"
#include "proto/ipc/messages.h"
#include "proto/posix/file.h"
#include "schema/config/config.h"

namespace dync::committer {

// Whether there is room for one more upload. What is kept back, and what the uploads under way still have to
// receive, is not free. Reads the file systems, changes nothing.
class Room {
 public:
  Room(const config::Config& config, const Jobs& jobs);
  void use(const config::Limits& limits) { limits_ = limits; }

  // Why not (507, with what is free and what is needed), for an upload that would land in `dropbox`. `own`:
  // the parked one that would go on. One without an announced size needs room for a chunk.
  std::optional<wire::Refusal> lacks(const ipc::Open& open, const Path& dropbox, const Job* own) const;

 private:
  std::optional<wire::Refusal> lacks_staging(const ipc::Open& open, std::uint64_t needed,
                                             const Job* own) const;
  std::optional<wire::Refusal> lacks_dropbox(const Path& dropbox, std::uint64_t size, const Job* own) const;
  std::uint64_t still_to_come(const Job* own) const;
  std::uint64_t staged(const Job& job) const;
  std::uint64_t usable(const posix::Space& space) const;

  Path tmp_dir_;
  config::Limits limits_;
  const Jobs& jobs_;
};

}  // namespace dync::committer
