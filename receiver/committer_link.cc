#include "receiver/committer_link.h"

#include <utility>

#include "schema/limits/limits.h"
#include "schema/names/names.h"

namespace dync::receiver {
namespace {

WorkerLink::Peer committer_at(const std::string& runtime_dir) {
  return {ipc::Role::committer, 0, names::ipc_endpoint(names::committer_socket(runtime_dir)), "committer"};
}

}  // namespace

// A number never means two questions, also not of two receivers: an answer to the one before may still come.
CommitterLink::CommitterLink(transport::Context& context, service::Worker& worker,
                             const ipc::SharedMemory& memory,
                             std::function<void(const ipc::Message&)> messages)
    : link_(context, worker, memory, committer_at(worker.options().runtime_dir)),
      next_request_((std::uint64_t{memory.incarnation(ipc::Role::receiver)} << 32) + 1) {
  link_.on_message(std::move(messages));
}

void CommitterLink::hello() {
  greeting_ = true;
  link_.send(ipc::Hello{});
}

std::uint64_t CommitterLink::ask(ipc::Open open) {
  const std::uint64_t request = next_request_++;
  open.request = request;
  by_routing_id_[open.routing_id] = request;
  link_.send(open);
  questions_.emplace(request, std::move(open));
  return request;
}

std::uint64_t CommitterLink::find(ipc::Find find) {
  const std::uint64_t request = next_request_++;
  find.request = request;
  by_routing_id_[find.routing_id] = request;
  link_.send(find);
  questions_.emplace(request, std::move(find));
  return request;
}

std::optional<std::string> CommitterLink::answered(std::uint64_t request) {
  const auto found = questions_.find(request);
  if (found == questions_.end()) return std::nullopt;
  std::string routing_id =
      std::visit([](const auto& question) { return question.routing_id; }, found->second);
  questions_.erase(found);
  by_routing_id_.erase(routing_id);
  return routing_id;
}

void CommitterLink::withdraw(const std::string& routing_id) {
  const auto found = by_routing_id_.find(routing_id);
  if (found == by_routing_id_.end()) return;
  const auto question = questions_.find(found->second);
  if (auto* open = std::get_if<ipc::Open>(&question->second))
    withdrawn_.emplace(found->second, std::move(*open));
  questions_.erase(question);
  by_routing_id_.erase(found);
}

std::optional<ipc::Open> CommitterLink::withdrawn(std::uint64_t request) {
  auto node = withdrawn_.extract(request);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

void CommitterLink::received(const ipc::AllReceived& message) {
  checkpointed(message.upload);
  link_.send(message);
  received_[message.upload] = message;
}

void CommitterLink::abort(const ipc::Abort& message) {
  checkpointed(message.upload);
  received_.erase(message.upload);
  link_.send(message);
  aborted_.push_back(message);
  if (aborted_.size() > answers_kept_) aborted_.pop_front();
}

void CommitterLink::synced(const ipc::Synced& message) {
  link_.send(message);
  synced_[message.upload] = message;
}

void CommitterLink::park(const ipc::Park& message) {
  checkpointed(message.upload);
  link_.send(message);
  if (parked_.size() >= answers_kept_) parked_.erase(parked_.begin());
  parked_[message.upload] = message;
}

void CommitterLink::progress(const wire::Id& upload, std::uint64_t bytes) {
  link_.try_send(ipc::Progress{upload, bytes});
}

void CommitterLink::ended(const wire::Id& upload) {
  received_.erase(upload);
}

void CommitterLink::turn() {
  if (link_.turn() != WorkerLink::News::none) say_again();
}

// What ended comes before what is asked: a question may wait for it.
void CommitterLink::say_again() {
  if (greeting_) link_.send(ipc::Hello{});
  for (const auto& [upload, message] : synced_) link_.send(message);
  for (const auto& [upload, message] : received_) link_.send(message);
  for (const auto& [upload, message] : parked_) link_.send(message);
  for (const ipc::Abort& message : aborted_) link_.send(message);
  for (const auto& [request, open] : withdrawn_) link_.send(open);
  for (const auto& [request, question] : questions_)
    std::visit([&](const auto& asked) { link_.send(asked); }, question);
}

}  // namespace dync::receiver
