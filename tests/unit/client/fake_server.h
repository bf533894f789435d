#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "proto/keys/authenticator.h"
#include "proto/keys/key_ring.h"
#include "proto/transport/socket.h"
#include "proto/wire/messages.h"

namespace dync::tests {

// A ROUTER with CURVE and ZAP that takes uploads into memory, in a thread of its own: enough of a server of
// ours (or of an original) to run the real client against. Change `behaviour` before start().
class FakeServer {
 public:
  struct Behaviour {
    bool original = false;
    std::uint32_t chunk_size = 1000;
    std::uint32_t credit = 8;
    std::map<std::string, wire::Refusal> refuse;  // by file name
    std::uint64_t stall_at = ~0ULL;               // no credit beyond this many bytes until go_on()
    bool mute = false;                            // answers nothing at all
    bool wrong_receipt = false;
    bool lose_receipts = false;  // what is finished is never told for its last chunk
    bool mute_at_end = false;    // answers nothing from the last chunk on
    std::optional<wire::Refusal> refuse_at_end;
  };

  // Writes server and client certificates: DIRECTORY/server.key_secret, clients/, and a config directory
  // DIRECTORY/dync for the client.
  explicit FakeServer(std::filesystem::path directory);
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;
  ~FakeServer() { stop(); }

  void start();
  void stop();  // connections break; what was uploaded stays, start() binds the same port again
  void go_on() { stalled_ = false; }

  int port() const { return port_; }
  std::filesystem::path config_dir() const { return directory_ / "dync"; }
  std::filesystem::path clients() const { return directory_ / "clients"; }

  // What came.
  std::optional<std::string> stored(const std::string& name) const;
  std::string metadata_of(const std::string& name) const;
  std::uint64_t received(const std::string& name) const;
  std::size_t connections() const;          // different routing ids that posted a file
  std::vector<std::string> errors() const;  // what clients told

  Behaviour behaviour;

 private:
  struct Upload {
    wire::Id key, id;
    std::string name, metadata, data;
    std::uint32_t credit = 0;
    bool done = false, held = false;
    digest::Digest sha256{};
  };
  using Answers = std::vector<wire::ServerMessage>;

  void answer(transport::Socket& socket, transport::Message& message);
  void send(transport::Socket& socket, const std::string& peer, const wire::ServerMessage& message);
  Answers take(const std::string& peer, const wire::PostFile& post);
  Answers take(const std::string& peer, const wire::PostChunk& chunk);
  Answers take(const std::string& peer, const wire::QueryStatus&);
  Answers take(const std::string& peer, const wire::ClientError& error);
  wire::ServerMessage approval(const Upload& upload) const;
  wire::ServerMessage finished(const Upload& upload) const;
  bool finished_of(const std::string& peer) const;
  void release_held(transport::Socket& socket);

  std::filesystem::path directory_;
  transport::CurveServer curve_;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> stalled_{true};
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Upload>> by_peer_;
  std::map<std::string, std::shared_ptr<Upload>> by_name_;
  std::set<std::string> posted_;
  std::vector<std::string> errors_;
  std::thread thread_;
};

}  // namespace dync::tests
