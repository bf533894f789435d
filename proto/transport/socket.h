#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// ZeroMQ behind one door: no other module includes its headers. A Socket belongs to one thread.
namespace dync::transport {

// One message part. Movable, owns its bytes.
class Frame {
 public:
  Frame();
  explicit Frame(std::size_t bytes);  // uninitialised
  explicit Frame(std::string_view copied);
  // Refers to bytes that `owner` keeps alive until libzmq is done with them, in a thread of its own.
  Frame(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);
  Frame(Frame&&) noexcept;
  Frame& operator=(Frame&&) noexcept;
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  ~Frame();

  std::span<const std::byte> bytes() const;
  std::span<std::byte> bytes();
  std::string_view text() const;
  // A property of the connection that it came by: "User-Id", "Peer-Address", or one of the ZAP reply's
  // metadata such as "X-Key". libzmq 4.3.4 gives none on a ROUTER's routing-id frame after a poll: ask the
  // command frame, and treat nothing as unauthenticated.
  std::optional<std::string_view> property(const char* name) const;

 private:
  friend class Socket;
  alignas(8) std::byte storage_[64];  // a zmq_msg_t
};

using Message = std::vector<Frame>;

enum class Sent {
  done,
  full,         // EAGAIN: the peer is slow, nothing was sent
  unreachable,  // EHOSTUNREACH: a ROUTER has no such peer, nothing was sent
};

enum class Type { router, dealer, rep, pair };

struct CurveServer {
  std::string secret_key;  // Z85
  std::string zap_domain;  // not empty; libzmq then asks ZAP and fails closed (both options are set)
};

struct CurveClient {
  std::string server_key;  // Z85, all three
  std::string public_key;
  std::string secret_key;
};

// Only what is set is told to libzmq, and a linger of 1 s if none is. Where the numbers come from:
// schema/limits.
struct Options {
  std::optional<std::string> routing_id;
  std::optional<CurveServer> curve_server;
  std::optional<CurveClient> curve_client;
  bool mandatory = false;                    // ROUTER_MANDATORY
  bool handover = false;                     // ROUTER_HANDOVER
  bool immediate = false;                    // queue only on complete connections
  std::optional<int> send_hwm, receive_hwm;  // messages
  std::optional<std::int64_t> max_message;   // bytes of one frame
  std::optional<std::chrono::milliseconds> linger, heartbeat_interval, heartbeat_ttl, heartbeat_timeout,
      handshake_interval, reconnect_interval, reconnect_interval_max, connect_timeout;
  std::optional<int> backlog;
  bool keepalive = false;  // TCP_KEEPALIVE 1, idle 60 s, interval 15 s, count 4
  bool ipv6 = false;
};

class Context {
 public:
  explicit Context(int io_threads = 1, int max_sockets = 1024);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context();  // waits for lingering messages

 private:
  friend class Socket;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What happened to a connection, as told by libzmq's monitor.
struct ConnectionEvent {
  enum class Kind {
    connected,         // TCP is up, the handshake begins
    ready,             // handshake done
    refused_key,       // the server's ZAP said no, or CURVE failed
    handshake_failed,  // closed or garbled during the handshake, such as a wrong server key
    disconnected,
    retrying,  // not reachable; `error` is the errno, if known
  };
  Kind kind;
  int error = 0;
};

class Socket {
 public:
  Socket(Context& context, Type type, const Options& options);
  Socket(Socket&&) noexcept;
  Socket& operator=(Socket&&) noexcept;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket();

  // Returns the endpoint really bound ("tcp://0.0.0.0:40123" for port `*`). Throws Error.
  std::string bind(const std::string& endpoint);
  void connect(const std::string& endpoint);

  // Never blocks. Sends all parts or none. The frames are empty after `done` and untouched otherwise.
  Sent send(Message& message);
  // Never blocks. A whole message into `into` (its old content is dropped), or false.
  bool receive(Message& into);

  // Starts the monitor; events are then read with next_event, and monitor_handle() polls like a Socket.
  void watch();
  std::optional<ConnectionEvent> next_event();

  void* handle() const;          // for poll() below only
  void* monitor_handle() const;  // null before watch()

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class Error : public std::runtime_error {
 public:
  Error(int code, const std::string& what) : std::runtime_error(what), code_(code) {}
  int code() const noexcept { return code_; }  // an errno, also of libzmq's own such as EFSM

 private:
  int code_;
};

// Waits until something is readable or the time is over (negative: for ever). A signal is no error.
struct PollItem {
  void* socket = nullptr;  // Socket::handle(), or null and:
  int fd = -1;
  bool readable = false;  // result
};
void poll(std::span<PollItem> items, std::chrono::milliseconds timeout);

// Z85 (ZeroMQ RFC 32) of 32 bytes: 40 characters.
std::string z85_encode(std::span<const std::byte, 32> bytes);
bool z85_decode(std::string_view text, std::span<std::byte, 32> into);

}  // namespace dync::transport
