#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "committer/plan.h"
#include "proto/wire/messages.h"
#include "schema/config/config.h"
#include "schema/ledger/records.h"

namespace dync::committer {

// What dync-untar left behind, after a check as if a stranger had made it.
struct Tree {
  std::string top;
  std::uint32_t entries = 0;  // directories and TOP too
  std::uint64_t bytes = 0;
  std::vector<ledger::Member> members;  // regular files, by path
};

// Checks STAGING/extract: exactly one TOP with a clean name, only regular files and directories on one file
// system, one link each, within the limits. Hashes all of it, gives it the dropbox's mode and group, syncs
// it. A Refusal (422) is for the client; posix::Error is ours.
std::variant<Tree, wire::Refusal> check_tree(const Path& staging, const config::Untar& limits,
                                             const rules::Access& access);

}  // namespace dync::committer
