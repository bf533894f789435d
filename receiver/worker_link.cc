#include "receiver/worker_link.h"

#include <stdexcept>
#include <utility>

#include "schema/limits/limits.h"

namespace dync::receiver {
namespace {

transport::Options link_options() {
  transport::Options options;
  options.routing_id = "receiver";
  options.reconnect_interval = std::chrono::milliseconds(20);
  options.linger = limits::kLinger;
  return options;
}

}  // namespace

WorkerLink::WorkerLink(transport::Context& context, service::Worker& worker, const ipc::SharedMemory& memory,
                       Peer peer)
    : worker_(worker),
      memory_(memory),
      peer_(std::move(peer)),
      socket_(context, transport::Type::dealer, link_options()),
      incarnation_(memory.incarnation(peer_.role, peer_.hasher)) {
  socket_.watch();
  socket_.connect(peer_.endpoint);
  worker_.loop().on_socket(socket_.monitor_handle(), [] {});  // only wakes the loop: turn() reads it
  worker_.loop().on_socket(socket_.handle(), [this] { receive(); });
}

void WorkerLink::send(const ipc::Message& message) {
  std::string bytes = ipc::encode(message);
  if (waiting_.empty() && push(bytes)) return;
  if (waiting_.empty()) worker_.log().warning("link.full", {{"peer", peer_.name}});
  waiting_.push_back(std::move(bytes));
}

bool WorkerLink::try_send(const ipc::Message& message) {
  return waiting_.empty() && push(ipc::encode(message));
}

bool WorkerLink::push(const std::string& bytes) {
  transport::Message frames;
  frames.emplace_back(std::string_view(bytes));
  return socket_.send(frames) == transport::Sent::done;
}

void WorkerLink::on_message(std::function<void(const ipc::Message&)> handler) {
  handler_ = std::move(handler);
}

void WorkerLink::receive() {
  transport::Message frames;
  for (int i = 0; i < limits::kMessagesATurn && socket_.receive(frames); ++i) {
    const auto message = frames.size() == 1 ? ipc::decode(frames.front().text()) : std::nullopt;
    if (!message) throw std::runtime_error(peer_.name + " speaks another protocol than dync-receiver");
    if (handler_) handler_(*message);
  }
}

bool WorkerLink::has_connected() {
  bool connected = false;
  while (const auto event = socket_.next_event())
    connected = connected || event->kind == transport::ConnectionEvent::Kind::ready;
  return connected;
}

WorkerLink::News WorkerLink::turn() {
  const bool connected = has_connected();
  const std::uint32_t now = memory_.incarnation(peer_.role, peer_.hasher);
  if (std::exchange(incarnation_, now) != now) {
    waiting_.clear();
    worker_.log().info("link.new_peer", {{"peer", peer_.name}, {"incarnation", now}});
    return News::new_peer;
  }
  while (!waiting_.empty() && push(waiting_.front())) waiting_.pop_front();
  return connected ? News::connected : News::none;
}

}  // namespace dync::receiver
