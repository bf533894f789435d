#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "proto/wire/messages.h"
#include "tests/unit/session_pair/checks.h"
#include "tests/unit/session_pair/virtual_time.h"

// What libzmq and TCP do to messages: inside a connection they keep their order and are at most late; what is
// on the way when it breaks is lost from some message on.
namespace dync::pair {

class Network;

// The client's side of a link.
class Ear {
 public:
  virtual ~Ear() = default;
  virtual void hear(const wire::ServerMessage& message) = 0;
  virtual void connected() {}
  virtual void lost() {}
  virtual void bytes_moved() {}
};

// One client's socket: a connection to the server, and the next one after it broke.
class Link {
 public:
  struct Manner {
    bool keeps = false;      // what it can't send it sends later, as an original's socket
    bool is_watched = true;  // heartbeats tell the client that the server is silent
    milliseconds latency{1};
    std::uint64_t rate = 0;  // bytes a second to the server, 0: at once
    unsigned repeats = 0;    // per mille of the messages come twice
  };
  Link(Network& network, Ear& ear, std::string user, Manner manner);

  // A socket anew. Its connection is told by connected().
  void open(bool fresh_id);
  // `fresh_id`: what still arrives of it may come late, as nothing that follows has this routing id.
  void close(bool fresh_id = true);
  // False if there is no connection to send into.
  bool send(const wire::ClientMessage& message);
  bool ready() const noexcept { return client_sees_; }

  // ---- faults ----
  void cut(milliseconds down);
  void stall(milliseconds length);
  void black_hole(milliseconds length);  // ends with a cut
  void mute();                           // a hole without an end; only a new socket helps
  void vanish();                         // for good

  // ---- for the network ----
  bool from_server(const wire::ServerMessage& message);
  void server_died();
  void server_lives();
  const std::string& routing_id() const noexcept { return routing_id_; }

 private:
  template <class Message>
  struct Flight {
    Time due;
    Message message;
    bool stale = false;  // of the connection before
  };
  template <class Message>
  using Lane = std::deque<Flight<Message>>;

  void connect(milliseconds delay);
  void establish();
  void sever(bool server_alive, bool late = false);
  void put(const wire::ClientMessage& message, Time not_before);
  void put(const wire::ServerMessage& message, Time not_before);
  void arrive_at_server(std::uint64_t connection);
  void arrive_at_client(std::uint64_t connection);
  Time due_after(Time last) const;

  Network& network_;
  Ear& ear_;
  std::string user_;
  Manner manner_;
  std::string routing_id_;
  std::uint64_t socket_ = 0;      // counts; what was planned for one before is void
  std::uint64_t connection_ = 0;  // the same
  std::uint64_t holes_ = 0;       // the same
  bool open_ = false, up_ = false, client_sees_ = false, server_sees_ = false;
  bool hole_ = false, gone_ = false;
  Time stalled_until_{}, link_busy_until_{}, last_up_{}, last_down_{};
  Lane<wire::ClientMessage> to_server_;
  Lane<wire::ServerMessage> to_client_;
  std::deque<wire::ClientMessage> kept_;  // not yet sent, of a socket that keeps
};

class Network {
 public:
  using Handler = std::function<void(const std::string& routing_id, const std::string& user,
                                     const wire::ClientMessage& message)>;

  Network(Events& events, Dice& dice, Checks& checks) : events_(events), dice_(dice), checks_(checks) {}
  void on_message(Handler handler) { handler_ = std::move(handler); }

  enum class Sent { done, slow, gone };
  Sent send(const std::string& routing_id, const wire::ServerMessage& message);
  void server_died();
  void server_lives();
  // No faults from now on.
  void be_calm() { calm_ = true; }

 private:
  friend class Link;
  std::string new_routing_id() { return "socket-" + std::to_string(++sockets_); }

  Events& events_;
  Dice& dice_;
  Checks& checks_;
  Handler handler_;
  std::map<std::string, Link*> by_id_;  // as the server sees them
  std::deque<Link*> links_;
  std::uint64_t sockets_ = 0;
  bool server_alive_ = false;
  bool calm_ = false;
};

std::string text_of(const wire::ClientMessage& message);
std::string text_of(const wire::ServerMessage& message);

}  // namespace dync::pair
