// The transport's ceiling: messages of 1 MiB from a DEALER to a ROUTER by libzmq with CURVE, and nothing
// else. No file is read or written, nothing is hashed, nobody is asked who may.
//
//   bare_transfer receive BYTES               prints "ENDPOINT KEY"; ends when all came and it has said so
//   bare_transfer send ENDPOINT KEY BYTES     ends when it heard that
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/random.h>
#include <vector>
#include <zmq.h>

#include "proto/posix/process.h"

namespace {

constexpr std::size_t kMessage = 1024 * 1024;
constexpr int kQueue = 32;  // messages at each end: what is on the way is bounded as a window of dync's is
constexpr int kUsage = 2;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "bare_transfer: %s: %s\n", what, zmq_strerror(zmq_errno()));
  std::exit(1);
}

void check(int result, const char* what) {
  if (result < 0) die(what);
}

struct KeyPair {
  std::array<char, 41> public_key{}, secret_key{};

  KeyPair() { check(zmq_curve_keypair(public_key.data(), secret_key.data()), "make keys"); }
};

// A context with one socket, as each end has.
class End {
 public:
  explicit End(int type) : context_(zmq_ctx_new()), socket_(zmq_socket(context_, type)) {
    if (socket_ == nullptr) die("make a socket");
    set(ZMQ_SNDHWM, kQueue);
    set(ZMQ_RCVHWM, kQueue);
  }
  End(const End&) = delete;
  End& operator=(const End&) = delete;
  ~End() {
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }

  void* socket() { return socket_; }
  void set(int option, int value) {
    check(zmq_setsockopt(socket_, option, &value, sizeof(value)), "set an option");
  }
  void set_key(int option, const char* key) {
    check(zmq_setsockopt(socket_, option, key, std::string_view(key).size()), "set a key");
  }

  // Bytes of one part, and whether more follow.
  std::size_t receive(bool& more) {
    zmq_msg_t part;
    check(zmq_msg_init(&part), "make a message");
    check(zmq_msg_recv(&part, socket_, 0), "receive");
    const std::size_t size = zmq_msg_size(&part);
    more = zmq_msg_more(&part) != 0;
    zmq_msg_close(&part);
    return size;
  }

 private:
  void* context_;
  void* socket_;
};

int receive(std::uint64_t wanted) {
  const KeyPair keys;
  End end(ZMQ_ROUTER);
  end.set(ZMQ_CURVE_SERVER, 1);
  end.set_key(ZMQ_CURVE_SECRETKEY, keys.secret_key.data());
  check(zmq_bind(end.socket(), "tcp://127.0.0.1:*"), "bind");
  std::array<char, 256> endpoint{};
  std::size_t size = endpoint.size();
  check(zmq_getsockopt(end.socket(), ZMQ_LAST_ENDPOINT, endpoint.data(), &size), "ask for the endpoint");
  std::printf("%s %s\n", endpoint.data(), keys.public_key.data());
  std::fflush(stdout);
  std::array<char, 256> sender{};
  for (std::uint64_t got = 0; got < wanted;) {
    const int id = zmq_recv(end.socket(), sender.data(), sender.size(), 0);
    check(id, "receive");
    bool more = true;
    while (more) got += end.receive(more);
    if (got >= wanted) {
      check(zmq_send(end.socket(), sender.data(), static_cast<std::size_t>(id), ZMQ_SNDMORE), "answer");
      check(zmq_send(end.socket(), "", 0, 0), "answer");
    }
  }
  return 0;
}

void nothing_to_free(void* /*data*/, void* /*hint*/) {}

int send(const char* endpoint, const char* server_key, std::uint64_t left) {
  const KeyPair keys;
  std::vector<char> block(kMessage);
  for (std::size_t at = 0; at < block.size();) {
    const auto got = getrandom(block.data() + at, block.size() - at, 0);
    if (got < 0) die("get random bytes");
    at += static_cast<std::size_t>(got);
  }
  End end(ZMQ_DEALER);
  end.set_key(ZMQ_CURVE_SERVERKEY, server_key);
  end.set_key(ZMQ_CURVE_PUBLICKEY, keys.public_key.data());
  end.set_key(ZMQ_CURVE_SECRETKEY, keys.secret_key.data());
  check(zmq_connect(end.socket(), endpoint), "connect");
  while (left > 0) {
    const std::size_t size = std::min<std::uint64_t>(left, kMessage);
    zmq_msg_t message;
    check(zmq_msg_init_data(&message, block.data(), size, nothing_to_free, nullptr), "make a message");
    check(zmq_msg_send(&message, end.socket(), 0), "send");
    left -= size;
  }
  bool more = false;
  end.receive(more);  // all have come
  return 0;
}

}  // namespace

int main(int count, char** words) {
  dync::posix::keep_large_allocations();
  const std::vector<std::string> given(words + 1, words + count);
  if (given.size() == 2 && given[0] == "receive") return receive(std::stoull(given[1]));
  if (given.size() == 4 && given[0] == "send") {
    return send(given[1].c_str(), given[2].c_str(), std::stoull(given[3]));
  }
  std::fprintf(stderr, "usage: bare_transfer receive BYTES | send ENDPOINT KEY BYTES\n");
  return kUsage;
}
