#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/ipc/messages.h"
#include "tests/unit/session_pair/checks.h"
#include "tests/unit/session_pair/virtual_time.h"

namespace dync::pair {

using wire::Id;

// What lies in staging. Bytes are known by where they were in memory: a file of a client is a range of
// addresses that nobody reads, so big files cost nothing and still no byte can be mistaken for another.
struct Staged {
  const std::byte* base = nullptr;  // of the file's first byte
  std::uint64_t length = 0;         // written
};
using Staging = std::map<Id, Staged>;

// What the ledger says of an upload.
struct Row {
  enum class State { receiving, parked, received, committed, ended };
  State state = State::receiving;
  Id upload;
  ipc::Open open;
  std::uint32_t epoch = 0;
  std::uint64_t bytes = 0;  // of a parked or received one
  digest::Digest sha256{};
  wire::Refusal refusal{};  // of an ended one
};

// The committer as the receiver sees it: answers late, and knows all after any restart of the receiver.
class Committer {
 public:
  using Tell = std::function<void(const ipc::Message&)>;
  struct Manner {
    milliseconds latency{5};
    unsigned sleeps = 0;  // per mille of the post-files wait so long that the receiver gives up
  };

  Committer(Events& events, Dice& dice, Checks& checks, const Staging& staging, Manner manner)
      : events_(events), dice_(dice), checks_(checks), staging_(staging), manner_(manner) {}

  // A new receiver's ear; what was told to the one before is lost.
  void listen(Tell tell);
  void deaf();
  // From the receiver, in the order of the calls.
  void say(const ipc::Message& message);

  const std::vector<Row>& rows() const noexcept { return rows_; }
  wire::Receipt receipt_of(const Row& row) const;

 private:
  void heard(const ipc::Message& message);
  void on(const ipc::Hello& hello);
  void on(const ipc::Open& open);
  void on(const ipc::Find& find);
  void on(const ipc::AllReceived& received);
  void on(const ipc::Abort& abort);
  void on(const ipc::Park& park);
  void on(const auto& /*other*/) {}

  void judge(const ipc::Open& open);
  void settled();
  std::vector<std::uint64_t> take_later(const Id& upload);
  void restore(const Row& row);
  void commit(const Id& upload);
  bool reserved(const ipc::Open& open, const Row* but) const;
  void answer(const ipc::Message& message);
  void opened(std::uint64_t request, const Row& row);
  Row* row_of(const Id& upload);
  Row* row_by(const ipc::Open& open);
  static bool reserves(const Row& row) {
    return row.state == Row::State::receiving || row.state == Row::State::received;
  }

  Events& events_;
  Dice& dice_;
  Checks& checks_;
  const Staging& staging_;
  Manner manner_;
  Tell tell_;
  std::uint64_t listener_ = 0;
  Time last_in_{}, last_out_{};
  std::vector<Row> rows_;
  std::vector<ipc::Open> waiting_;  // for another upload, see ipc::Open::after
  struct Later {                    // a question whose answer is an upload's near end
    std::uint64_t request;
    Id upload;
  };
  std::vector<Later> later_;
  std::uint64_t ids_ = 0;
};

}  // namespace dync::pair
