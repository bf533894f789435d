#pragma once

#include <optional>
#include <variant>

#include "committer/job.h"
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
// Its end is near: the answer comes then.
struct Later {
  Job* job;
};
using Answer = std::variant<Accepted, Again, Later, wire::Receipt, wire::Refusal>;

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
  Answer live(Job& job, const ipc::Open& open) const;
  std::optional<wire::Refusal> conflict(const rules::Destination& destination) const;

  rules::Rules rules_;
  std::uint32_t most_per_user_;
  const ledger::Reader& ledger_;
  Jobs& jobs_;
};

// The receipt of a committed upload.
wire::Receipt receipt_of(const ledger::Upload& upload);

}  // namespace dync::committer
