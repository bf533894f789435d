#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "proto/ipc/messages.h"
#include "proto/ipc/shared_memory.h"
#include "proto/keys/certificate.h"
#include "proto/posix/fd.h"
#include "proto/posix/process.h"
#include "proto/transport/socket.h"
#include "tests/unit/temporary_directory.h"

namespace dync::receiver {

inline constexpr std::chrono::seconds kPatience{90};

// The real dync-receiver in the place of its neighbours: the test is its supervisor, its committer, its
// hasher and its clients. Everything waits by pump(), with a deadline.
class House {
 public:
  explicit House(const std::string& more_config = {});
  ~House();

  void start_receiver(bool await_ready = true);
  void kill_receiver();  // SIGKILL, reaped, a new incarnation counted
  void kill_server();    // all at once: the shared memory is gone too
  posix::Exit await_exit();
  void hang_up() { channel_.reset(); }  // as if the supervisor had died
  pid_t pid() const { return pid_; }
  const std::string& endpoint() const { return endpoint_; }

  // Serves the neighbours until `done` or the deadline; false if it came to that.
  bool pump(const std::function<bool()>& done, std::chrono::milliseconds patience = kPatience);

  // The next message of a kind that the receiver sent to the committer; others stay in their order.
  template <typename Of>
  std::optional<Of> committer_hears() {
    return await<Of>(to_committer);
  }
  template <typename Of>
  std::optional<Of> hasher_hears() {
    return await<Of>(to_hasher);
  }
  void committer_says(const ipc::Message& message);
  void renew_committer();  // its socket goes and comes back empty, a new incarnation is counted
  void renew_hasher();

  // Answers the next Open with an upload of this id, whose staging is made, and which has `seek` bytes.
  std::optional<ipc::Open> open_as(const wire::Id& upload, std::uint32_t epoch = 0, std::uint64_t seek = 0);
  std::filesystem::path data_of(const wire::Id& upload) const;
  void make_staging(const wire::Id& upload) const;
  bool logged(std::string_view words) const;
  void list(const keys::Certificate& client) const;
  void unlist(const std::string& user) const;

  keys::Certificate server = keys::generate("server");
  keys::Certificate lab1 = keys::generate("lab1"), lab2 = keys::generate("lab2");
  posix::Fd shared_fd;
  std::unique_ptr<ipc::SharedMemory> memory;
  std::unique_ptr<transport::Context> context = std::make_unique<transport::Context>();
  std::deque<ipc::Message> to_committer, to_hasher;
  std::deque<std::string> log;
  std::vector<ipc::Restore> live;  // what a new receiver is told of
  std::function<void()> each_pump = [] {};
  bool hashes = true;           // the hasher moves its mark as hints come
  bool hints_were_true = true;  // each hint's slot held what was written there

 private:
  template <typename Of>
  std::optional<Of> await(std::deque<ipc::Message>& from) {
    std::optional<Of> found;
    pump([&] {
      for (auto it = from.begin(); it != from.end(); ++it)
        if (auto* one = std::get_if<Of>(&*it)) {
          found = std::move(*one);
          from.erase(it);
          return true;
        }
      return false;
    });
    return found;
  }
  void bind_committer();
  void bind_hasher();
  void read_channel();
  void serve_committer();
  void serve_hasher();
  void hash(const ipc::Chunk& chunk);

  tests::TemporaryDirectory directory_;
  std::string config_;
  std::string endpoint_;
  bool ready_ = false;
  pid_t pid_ = -1;
  posix::Fd channel_;
  std::unique_ptr<transport::Socket> committer_, hasher_;
  std::map<wire::Id, ipc::Begin> begun_;
};

// A client by its bare socket.
class Client {
 public:
  Client(House& house, const keys::Certificate& keys, const std::string& routing_id);

  void say(const wire::ClientMessage& message);
  void say_frames(const std::vector<std::string>& frames);
  void chunk(std::uint64_t seek, std::string_view data, const digest::Digest* last = nullptr);
  // The next message of a kind; others before it are dropped.
  template <typename Of>
  std::optional<Of> hears(std::chrono::milliseconds patience = kPatience) {
    std::optional<Of> found;
    house_.pump(
        [&] {
          receive();
          while (!inbox.empty() && !found) {
            if (auto* one = std::get_if<Of>(&inbox.front())) found = std::move(*one);
            inbox.pop_front();
          }
          return found.has_value();
        },
        patience);
    return found;
  }
  std::uint32_t hears_error() {
    const auto error = hears<wire::ServerError>();
    return error ? error->code : 0;
  }
  // Sends the whole file by the rules: within the credit, again from where a status-report says. True when
  // the receiver has taken the last chunk, as far as the client can know.
  bool send_file(std::string_view content, std::uint32_t credit, std::size_t chunk_size,
                 std::uint64_t from = 0, std::uint64_t until = ~std::uint64_t{0});
  void receive();

  std::deque<wire::ServerMessage> inbox;

 private:
  House& house_;
  transport::Socket socket_;
};

std::string content_of(std::size_t bytes);
digest::Digest sha256_of(std::string_view content);
wire::Id some_id();

}  // namespace dync::receiver
