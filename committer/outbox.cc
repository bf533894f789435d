#include "committer/outbox.h"

#include <utility>

namespace dync::committer {
namespace {

transport::Sent send(transport::Socket& socket, const std::string& peer, const std::string& text) {
  transport::Message message;
  message.emplace_back(std::string_view(peer));
  message.emplace_back(std::string_view(text));
  return socket.send(message);
}

}  // namespace

void Outbox::to_receiver(const ipc::Message& message) {
  then([this, text = ipc::encode(message)] { queues_[kReceiver].push_back(text); });
}

void Outbox::release(transport::Socket& socket) {
  // An action may add others.
  for (auto actions = std::exchange(actions_, {}); !actions.empty(); actions = std::exchange(actions_, {}))
    for (const auto& action : actions) action();
  flush(socket);
}

void Outbox::flush(transport::Socket& socket) {
  for (auto queue = queues_.begin(); queue != queues_.end();) {
    auto& [peer, texts] = *queue;
    transport::Sent sent = transport::Sent::done;
    while (!texts.empty() && (sent = send(socket, peer, texts.front())) == transport::Sent::done)
      texts.pop_front();
    if (sent == transport::Sent::full) {
      log_.warning("committer.peer_slow", {{"peer", peer}, {"waiting", texts.size()}});
      ++queue;
      continue;
    }
    // A peer that is gone asks again when it is back.
    if (sent == transport::Sent::unreachable)
      log_.info("committer.peer_gone", {{"peer", peer}, {"dropped", texts.size()}});
    queue = queues_.erase(queue);
  }
}

}  // namespace dync::committer
