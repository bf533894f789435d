#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>

#include "proto/posix/crash_point.h"
#include "receiver/worker_link.h"
#include "schema/limits/limits.h"

namespace dync::receiver {

// The way to the committer, and what it has not answered yet: questions by number, uploads that are received
// or aborted. A new committer hears all of it again.
class CommitterLink {
 public:
  // `messages` gets what comes from the committer.
  CommitterLink(transport::Context& context, service::Worker& worker, const ipc::SharedMemory& memory,
                std::function<void(const ipc::Message&)> messages);

  void hello();  // said again until restored()
  void restored() { greeting_ = false; }

  std::uint64_t ask(ipc::Open open);
  std::uint64_t find(ipc::Find find);
  // The routing id of an open question, which is answered with this. Nothing if it was withdrawn or asked by
  // a receiver before this one.
  std::optional<std::string> answered(std::uint64_t request);
  // The answer is not wanted any more.
  void withdraw(const std::string& routing_id);
  // A withdrawn Open, once: the committer may have opened an upload that nobody wants.
  std::optional<ipc::Open> withdrawn(std::uint64_t request);

  void received(const ipc::AllReceived& message);
  void abort(const ipc::Abort& message);
  void park(const ipc::Park& message);
  // An upload was opened: what was said of its earlier sessions has arrived.
  void opened(const wire::Id& upload) { parked_.erase(upload); }
  void synced(const ipc::Synced& message);
  // The ledger has it, or needs it no more.
  void checkpointed(const wire::Id& upload) { synced_.erase(upload); }
  void progress(const wire::Id& upload, std::uint64_t bytes);
  void make_room(std::uint64_t bytes) { link_.try_send(ipc::MakeRoom{bytes}); }
  // Committed or Failed came: it need not hear of this upload again.
  void ended(const wire::Id& upload);

  void turn();
  bool drained() const { return link_.drained(); }

 private:
  using Question = std::variant<ipc::Open, ipc::Find>;
  void say_again();

  const std::uint64_t answers_kept_ = posix::test_value("DYNC_TEST_ANSWERS_KEPT", limits::kAnswersKept);
  WorkerLink link_;
  bool greeting_ = false;
  std::uint64_t next_request_;
  std::map<std::uint64_t, Question> questions_;
  std::unordered_map<std::string, std::uint64_t> by_routing_id_;
  std::map<std::uint64_t, ipc::Open> withdrawn_;
  std::unordered_map<wire::Id, ipc::AllReceived> received_;
  std::unordered_map<wire::Id, ipc::Synced> synced_;
  std::unordered_map<wire::Id, ipc::Park> parked_;  // the newest few, as the next
  std::deque<ipc::Abort> aborted_;                  // the newest few: no answer says that one arrived
};

}  // namespace dync::receiver
