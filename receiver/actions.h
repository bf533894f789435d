#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "proto/digest/sha256.h"
#include "proto/ipc/messages.h"
#include "proto/wire/messages.h"

// What a session wants done, as values. receiver.h carries them out in their order.
namespace dync::receiver {

using wire::Id;

// To the client, if the session's owner was the last to speak on its routing id. `grant` chunks count (see
// Session::granted, Session::nudged) only if it was sent.
struct Send {
  wire::ServerMessage message;
  std::uint32_t grant = 0;
  bool nudge = false;
};
struct Ask {  // the committer, whether the file is wanted; request number and `after` are not filled in
  ipc::Open open;
};
struct Find {  // the committer, which upload this was
  ipc::Find find;
};
struct Withdraw {};  // the last Ask or Find: its answer is not wanted any more
struct Take {        // the chunk that just came, at this place of the file
  std::uint64_t offset = 0;
};
struct Complete {  // all bytes are taken; sync and verify once they are written
  std::uint64_t size = 0;
  digest::Digest expected{};
};
struct Abort {  // the upload ends without a data set
  Id upload;
  wire::Refusal why;
};
struct Park {  // the upload stays as a partial until its client comes back
  Id upload;
  std::string why;
};
struct Release {  // the committer has ended the upload
  Id upload;
};

using Action = std::variant<Send, Ask, Find, Withdraw, Take, Complete, Abort, Park, Release>;
using Actions = std::vector<Action>;

}  // namespace dync::receiver
