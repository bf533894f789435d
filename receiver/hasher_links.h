#pragma once

#include <memory>
#include <vector>

#include "receiver/worker_link.h"

namespace dync::receiver {

// The ways to all hashers. An upload's hasher is its mark's index modulo their number.
class HasherLinks {
 public:
  HasherLinks(transport::Context& context, service::Worker& worker, const ipc::SharedMemory& memory,
              int hashers);

  void begin(const ipc::Begin& begin);
  void plan(std::uint32_t mark, const ipc::Plan& plan);
  // A hint: false if it was not sent, the hasher then reads the file.
  bool hint(std::uint32_t mark, const ipc::Chunk& chunk);
  void end(std::uint32_t mark, const ipc::End& end);
  void drop(std::uint32_t mark, const wire::Id& upload);

  std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(links_.size()); }
  std::uint32_t hasher_of(std::uint32_t mark) const noexcept { return mark % count(); }
  // Each turn. `say_again` is called for each hasher that may have missed something.
  void turn(const std::function<void(std::uint32_t hasher, WorkerLink::News news)>& say_again);
  bool drained() const;

 private:
  WorkerLink& link(std::uint32_t mark) { return *links_[hasher_of(mark)]; }
  std::vector<std::unique_ptr<WorkerLink>> links_;
};

}  // namespace dync::receiver
