#include "receiver/hasher_links.h"

#include <algorithm>
#include <string>

#include "schema/names/names.h"

namespace dync::receiver {

HasherLinks::HasherLinks(transport::Context& context, service::Worker& worker,
                         const ipc::SharedMemory& memory, int hashers) {
  for (int i = 0; i < hashers; ++i) {
    const auto socket = names::hasher_socket(worker.options().runtime_dir, i);
    links_.push_back(std::make_unique<WorkerLink>(
        context, worker, memory,
        WorkerLink::Peer{ipc::Role::hasher, static_cast<std::uint32_t>(i), names::ipc_endpoint(socket),
                         "hasher-" + std::to_string(i)}));
  }
}

void HasherLinks::begin(const ipc::Begin& begin) {
  link(begin.mark).send(begin);
}

void HasherLinks::plan(std::uint32_t mark, const ipc::Plan& plan) {
  link(mark).send(plan);
}

bool HasherLinks::hint(std::uint32_t mark, const ipc::Chunk& chunk) {
  return link(mark).try_send(chunk);
}

void HasherLinks::end(std::uint32_t mark, const ipc::End& end) {
  link(mark).send(end);
}

void HasherLinks::drop(std::uint32_t mark, const wire::Id& upload) {
  link(mark).send(ipc::Drop{upload});
}

void HasherLinks::turn(const std::function<void(std::uint32_t hasher, WorkerLink::News news)>& say_again) {
  for (std::uint32_t i = 0; i < count(); ++i) {
    const WorkerLink::News news = links_[i]->turn();
    if (news != WorkerLink::News::none) say_again(i, news);
  }
}

bool HasherLinks::drained() const {
  return std::all_of(links_.begin(), links_.end(), [](const auto& link) { return link->drained(); });
}

}  // namespace dync::receiver
