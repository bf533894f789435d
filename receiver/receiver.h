#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "proto/ipc/shared_memory.h"
#include "proto/keys/certificate.h"
#include "proto/service/worker.h"
#include "proto/transport/socket.h"
#include "receiver/committer_link.h"
#include "receiver/credit.h"
#include "receiver/data_path.h"
#include "receiver/front.h"
#include "receiver/gate.h"
#include "receiver/hasher_links.h"
#include "receiver/registry.h"
#include "receiver/self_test.h"
#include "schema/config/config.h"

namespace dync::receiver {

// The whole receiver: hands each event to its session and carries out what that wants. Decides nothing that a
// session can decide.
class Receiver : private DataPath::Listener {
 public:
  Receiver(service::Worker& worker, ipc::SharedMemory& memory, const config::Config& config,
           const keys::Certificate& server);

  // Asks the committer what is live. The address is bound once all of that is there again, so that no message
  // meets a receiver that does not know its upload yet.
  void start();
  // Takes nothing new, waits for the writes under way and stops the loop. Running uploads hear nothing.
  void stop();
  // New settings, as far as a reload can change them: for sessions that begin from now on. The keys are read
  // again at once.
  void use(const config::Config& config);

 private:
  using Incoming = Front::Incoming;

  // ---- clients (receiver_clients.cc) ----
  void on_client(const Incoming& incoming);
  void serve(const Incoming& incoming, const wire::ClientMessage& message);
  Session& session_for(const Incoming& incoming, Time now);
  bool turned_away(const Incoming& incoming);
  void refuse(const Incoming& incoming, const wire::Refusal& why);
  // Carries out what `session` wants. `chunk`: the data frame of the message that is being served.
  void run(Session& session, Actions actions, transport::Frame* chunk = nullptr);
  void carry_out(Session& session, Action& action, transport::Frame* chunk);
  void send(Session& session, const Send& send);
  void grant_due();

  // ---- one upload, several connections (receiver_takeover.cc) ----
  // Asks the committer for what `session` wants, once whoever is in its way has been told to give way.
  void ask(Session& session, ipc::Open open);
  bool make_room_for_key(Session& session, ipc::Open& open);
  void make_room_by_replacing(const Session& session, ipc::Open& open);
  void make_room_of_original(ipc::Open& open);
  void leave(const Session& session, const Id& upload);
  void displace(Session& other, ipc::Open& open, const wire::Refusal& why, bool park);

  // ---- committer (receiver_committer.cc) ----
  void on_committer(const ipc::Message& message);
  void on_opened(const ipc::Opened& opened);
  bool open_data(Session& session, const ipc::Opened& opened);
  void on_unwanted(const ipc::Opened& opened);
  void on_refused(const ipc::Refused& refused);
  void on_finished(const ipc::Finished& finished);
  void on_restore(const ipc::Restore& restore);
  std::optional<std::uint64_t> restore_data(const ipc::Restore& restore, std::uint64_t unit);
  void on_restored();
  void on_committed(const ipc::Committed& committed);
  void on_failed(const ipc::Failed& failed);
  void on_checkpointed(const ipc::Checkpointed& checkpointed);
  Session* session_of_answer(std::uint64_t request);

  // ---- data path ----
  void on_written(const Id& upload, std::uint64_t bytes) override;
  void on_broken(const Id& upload, const wire::Refusal& why) override;
  void on_synced(const ipc::Synced& synced) override;
  void on_received(const ipc::AllReceived& received) override;
  void on_closed(const ipc::Abort& abort) override;
  void on_parked(const ipc::Park& park) override;
  void on_stuck(std::uint64_t bytes) override;

  void bind();
  void turn();
  void tick();
  void watch_memory();
  Time now() const { return std::chrono::steady_clock::now(); }
  service::Log& log() { return worker_.log(); }

  service::Worker& worker_;
  const config::Config& config_;
  std::string server_key_;
  SessionTerms terms_;
  transport::Context context_;
  Gate gate_;  // before the front is bound
  Front front_;
  CreditBook book_;
  HasherLinks hashers_;
  CommitterLink committer_;
  DataPath data_;
  Registry registry_;
  std::unique_ptr<SelfTest> self_test_;
  std::vector<Id> restored_;
  struct Leaving {
    std::string user;
    Id key;
  };
  std::unordered_map<Id, Leaving> leaving_;  // uploads of ours whose Park or Abort waits for their writes
  bool bound_ = false;
  bool stopping_ = false;
};

}  // namespace dync::receiver
