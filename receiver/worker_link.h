#pragma once

#include <deque>
#include <functional>
#include <string>

#include "proto/ipc/messages.h"
#include "proto/ipc/shared_memory.h"
#include "proto/service/worker.h"
#include "proto/transport/socket.h"

namespace dync::receiver {

// The way to one other worker: a DEALER that connects. Sends never block; what finds the queue full waits
// here. Says when that worker is a new one, so that the caller can say again what the old one may have lost.
class WorkerLink {
 public:
  struct Peer {
    ipc::Role role;
    std::uint32_t hasher = 0;
    std::string endpoint;
    std::string name;  // for the log
  };

  WorkerLink(transport::Context& context, service::Worker& worker, const ipc::SharedMemory& memory,
             Peer peer);

  void send(const ipc::Message& message);
  // For a message that may get lost: false if the queue is full.
  bool try_send(const ipc::Message& message);

  // What came. Bytes that are no message of ours end the process: it is wired wrongly.
  void on_message(std::function<void(const ipc::Message&)> handler);
  enum class News {
    none,
    connected,  // a connection came up: what was said before it may be lost
    new_peer,   // the same, and all that the old one held in its memory is gone
  };
  // To be called each turn: sends what waits. What waited for an old peer is dropped when there is a new one,
  // since all of it is said again.
  News turn();

  bool drained() const noexcept { return waiting_.empty(); }

 private:
  bool push(const std::string& bytes);
  void receive();
  bool has_connected();

  service::Worker& worker_;
  const ipc::SharedMemory& memory_;
  Peer peer_;
  transport::Socket socket_;
  std::uint32_t incarnation_;
  std::deque<std::string> waiting_;
  std::function<void(const ipc::Message&)> handler_;
};

}  // namespace dync::receiver
