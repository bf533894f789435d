#pragma once

#include <optional>
#include <variant>

#include "committer/job.h"
#include "committer/room.h"
#include "proto/ipc/messages.h"
#include "schema/config/config.h"
#include "schema/ledger/reader.h"
#include "schema/rules/rules.h"

namespace dync::committer {

struct Accepted {
  rules::Destination destination;
};
// The same post-file of the same connection, said again because nobody answered it.
struct Again {
  Job* job;
};
// The upload of this key, parked or not yet begun: it goes on for this client, under the new name.
struct Resumed {
  Job* job;
  rules::Destination destination;
};
// All its bytes are there: the answer comes with its end.
struct Later {
  Job* job;
};
using Answer = std::variant<Accepted, Again, Resumed, Later, wire::Receipt, wire::Refusal>;

// Whether an upload may begin. Reads the ledger and the dropbox, changes nothing.
class Admission {
 public:
  Admission(const config::Config& config, const ledger::Reader& ledger, Jobs& jobs);
  // From now on judges by the rules and limits of this configuration. What was accepted stays so. Throws
  // config::Error for a bad regexp, and then nothing has changed.
  void use(const config::Config& config);

  Answer judge(const ipc::Open& open) const;
  // Which upload was it that (user, routing id) had last? Later, Receipt or Refusal.
  Answer find(const ipc::Find& find) const;

 private:
  std::optional<Answer> known(const ipc::Open& open) const;
  std::optional<Answer> live(Job& job, const ipc::Open& open) const;
  Answer place(const ipc::Open& open, rules::Destination destination) const;
  std::optional<wire::Refusal> too_many(const std::string& user) const;
  std::optional<wire::Refusal> choose_staging(rules::Destination& destination) const;
  std::optional<wire::Refusal> conflict(const rules::Destination& destination, const Job* own) const;

  rules::Rules rules_;
  Room room_;
  const Path tmp_dir_;
  std::uint32_t most_per_user_;
  const ledger::Reader& ledger_;
  Jobs& jobs_;
};

// What those hear who ask for a parked upload without its key.
wire::Refusal session_ended();

// The receipt of a committed upload.
wire::Receipt receipt_of(const ledger::Upload& upload);

}  // namespace dync::committer
