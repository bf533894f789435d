#pragma once

#include <chrono>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/ipc/messages.h"
#include "proto/posix/file.h"
#include "proto/posix/process.h"
#include "proto/transport/socket.h"
#include "schema/ledger/reader.h"
#include "tests/unit/committer/temporary_directory.h"

namespace dync::committer {

using posix::Path;
inline constexpr std::chrono::seconds kDeadline{30};

// The supervisor's part: what dync-committer lives in, and how it is started, killed and started again.
class CommitterProcess {
 public:
  CommitterProcess();
  ~CommitterProcess();
  CommitterProcess(const CommitterProcess&) = delete;
  CommitterProcess& operator=(const CommitterProcess&) = delete;

  // From the next start on: lines of the config's `limits`, as "partial_ttl: 1".
  void set_limits(const std::string& limits) { limits_ = limits; }
  // From the next start on: the dropbox is on another file system than staging.
  void use_other_file_system();
  // Starts it; with `crash_at` it kills itself at that point.
  void start(const std::string& crash_at = {}, bool fresh = false);
  void kill();
  void stop();  // SIGTERM, and waits; fails the test unless it ends with 0
  // Whether it still runs; reads what it has to say.
  bool running();
  // Waits for its end.
  posix::Exit wait();

  Path tmp() const { return directory_.path() / "tmp"; }
  Path dropbox() const { return (other_ ? other_->path() : directory_.path()) / "dropbox"; }
  Path dropbox_staging() const { return dropbox().parent_path() / ".dync-staging"; }
  Path ledger() const { return directory_.path() / "store" / "dync.sqlite"; }
  Path socket() const { return directory_.path() / "run"; }
  const std::string& log() const { return log_; }
  int broker() const { return broker_.get(); }
  ledger::Reader reader() const { return ledger::Reader(ledger()); }
  void await_ready();

 private:
  std::string config() const;
  void read_channel();

  TemporaryDirectory directory_;
  std::optional<TemporaryDirectory> other_;
  posix::Fd shared_;
  posix::Fd channel_;
  posix::Fd broker_;
  pid_t pid_ = 0;
  posix::Exit exit_;
  bool ready_ = false;
  std::string log_;
  std::string limits_;
};

// A receiver or hasher: a DEALER that says and hears ipc messages.
class Peer {
 public:
  Peer(transport::Context& context, const CommitterProcess& process, const std::string& routing_id);
  void say(const ipc::Message& message);
  std::optional<ipc::Message> hear();  // if something is there
  void* handle() const { return socket_.handle(); }

 private:
  transport::Socket socket_;
};

// One upload as the receiver and the hasher see it.
struct Sample {
  std::string user = "user1";
  std::string routing_id = "connection 1";
  std::string filename = "sample.raw";
  std::string metadata = R"({ "a":  1 })";
  std::string content = "the data";
  std::optional<ipc::Id> key;

  ipc::Open open(std::uint64_t request) const;
  digest::Digest sha256() const;
};

// The whole neighbourhood: supervisor, receiver, hasher and, for archives, dync-untar.
class Neighbourhood {
 public:
  Neighbourhood();

  CommitterProcess process;
  transport::Context context;
  Peer receiver;
  Peer hasher;

  // The next message to the receiver that is a `Wanted`; others are dropped. Nothing after the deadline, or
  // when the committer has died.
  template <typename Wanted>
  std::optional<Wanted> hear() {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (std::chrono::steady_clock::now() < deadline) {
      while (auto message = receiver.hear())
        if (auto* wanted = std::get_if<Wanted>(&*message)) return std::move(*wanted);
      if (!process.running()) return std::nullopt;
      wait();
    }
    ADD_FAILURE() << "the committer did not answer in time\n" << process.log();
    return std::nullopt;
  }

  // Says Open and returns the upload, or nothing if it was refused or the committer died.
  std::optional<ipc::Opened> open(const Sample& sample, std::uint64_t request = 1);
  std::optional<ipc::Refused> refused(const Sample& sample, std::uint64_t request = 1);
  void write(const ipc::Id& upload, const std::string& content);
  void say_received(const ipc::Id& upload, const Sample& sample, std::uint32_t epoch = 1);
  void say_verdict(const ipc::Id& upload, const Sample& sample, std::uint32_t epoch = 1);
  // The whole way. Nothing if the committer died.
  std::optional<ipc::Committed> send(const Sample& sample);

  // Plays dync-untar for the next job: fills the directory by `fill`, writes the report, ends with `code`.
  // False if the committer died before. With a signal it was killed.
  bool untar(int code, const std::string& report, const std::function<void(const Path&)>& fill = {},
             int signal = 0);

 private:
  void wait();
};

std::string content_of(const Path& file);

}  // namespace dync::committer
