#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "receiver/registry.h"
#include "receiver/session.h"
#include "tests/unit/session_pair/committer.h"
#include "tests/unit/session_pair/network.h"

// The one place that touches the receiver's sessions: carries out what they want as receiver.h does, with a
// simulated disk, and checks the book of credit at each step.
namespace dync::pair {

class Server {
 public:
  struct Manner {
    receiver::SessionTerms terms;
    std::uint64_t budget = 0;
    milliseconds write{1};      // at most, for one chunk
    unsigned writes_stall = 0;  // per mille of the writes take seconds
  };

  Server(Events& events, Dice& dice, Checks& checks, Network& network, Committer& committer, Staging& staging,
         Manner manner);

  void start();
  void die();
  bool serves() const noexcept { return process_ && process_->bound; }
  // Nothing is left: no credit, no member, no session that serves.
  void expect_empty();

 private:
  using Actions = receiver::Actions;
  using Session = receiver::Session;

  struct Piece {
    std::uint64_t offset;
    std::span<const std::byte> data;
  };
  // The data path of one upload.
  struct Upload {
    std::uint32_t epoch = 0;
    std::deque<Piece> queue;
    bool busy = false;
    bool closing = false;
    std::optional<receiver::Complete> complete;
    std::optional<receiver::Abort> abort;
    std::optional<receiver::Park> park;
    std::string key;  // while it is being parked
  };
  struct Question {
    std::string routing_id;
    bool wanted = true;
    std::optional<ipc::Open> open = {};
  };
  // All that dies with the process. The book outlives the sessions.
  struct Process {
    explicit Process(std::uint64_t budget) : book(budget) {}
    receiver::CreditBook book;
    receiver::Registry registry;
    std::map<Id, Upload> uploads;
    std::map<std::uint64_t, Question> questions;
    std::map<std::string, Id> parking;  // by key, as long as the committer has not been told
    std::set<std::string> chunk_seen;   // routing ids
    std::set<std::string> gaps;         // the same, as long as the expected chunk has not come
    bool bound = false;
  };

  // ---- clients ----
  void on_message(const std::string& routing_id, const std::string& user, const wire::ClientMessage& message);
  void run(Session& session, Actions actions, std::span<const std::byte> data = {});
  void carry_out(Session& session, const receiver::Action& action, std::span<const std::byte> data);
  void send(Session& session, const receiver::Send& send);
  void check_sent(const Session& session, const receiver::Send& send);
  void check_grant(const Session& session, const receiver::Send& send) const;
  void note_gap(const Session& session, std::uint64_t seek);
  void check_book(const Session& session) const;
  void grant_due();

  // ---- committer ----
  void on_committer(const ipc::Message& message);
  void on(const ipc::Opened& opened);
  void on(const ipc::Refused& refused);
  void on(const ipc::Finished& finished);
  void on(const ipc::Restore& restore);
  void on(const ipc::Restored& restored);
  void on(const ipc::Committed& committed);
  void on(const auto& /*other*/) {}
  void ask(Session& session, ipc::Open open);
  // As receiver_takeover.cc: who asks last gets the upload.
  bool make_room_for_key(Session& session, ipc::Open& open);
  void displace(Session& other, ipc::Open& open, bool park);
  std::uint64_t question(const Session& session, std::optional<ipc::Open> open);
  void withdraw(const std::string& routing_id);
  Session* session_of(std::uint64_t request);
  void on_unwanted(const ipc::Opened& opened, const ipc::Open& open);

  // ---- disk ----
  void open_upload(const Id& id, std::uint32_t epoch, std::uint64_t bytes);
  void go_on(const Id& id);
  void write(const Id& id);
  void written(const Id& id, const Piece& piece);
  void finish(const Id& id);
  void shut(const Id& id);
  void rest(const Id& id);
  void later(milliseconds delay, std::function<void()> action);

  void tick();
  Time now() const { return events_.now(); }

  Events& events_;
  Dice& dice_;
  Checks& checks_;
  Network& network_;
  Committer& committer_;
  Staging& staging_;
  Manner manner_;
  std::unique_ptr<Process> process_;
  std::uint64_t generation_ = 0;  // of the process
  std::uint64_t requests_ = 0;
};

}  // namespace dync::pair
