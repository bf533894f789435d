#pragma once

#include <cstdint>
#include <string_view>

// Which client message is allowed in which state of a session, and what is done with it: one table.
namespace dync::receiver {

enum class State : std::uint8_t {
  none,       // nothing is known of this routing id
  finding,    // the committer is asked which upload it was
  opening,    // the committer is asked whether the file is wanted
  receiving,  // approved, chunks come
  finishing,  // the last chunk came; written, hashed and committed without the client
  finished,   // committed
  failed,     // refused, aborted or failed
};
inline constexpr int kStates = 7;

enum class Input : std::uint8_t { post_file, chunk, query, error, malformed };
inline constexpr int kInputs = 5;

enum class Rule : std::uint8_t {
  open,     // ask the committer for a new upload
  compare,  // the same post-file: the same approval; another: 409, and the upload goes on
  find,     // ask the committer which upload this was
  take,     // judge the chunk by its position and the credit
  overrun,  // 429: nothing was approved yet
  status,   // tell the position, or what credit is due
  repeat,   // the answer of the end again, a few times a second at most
  give_up,  // the client ends the upload: abort it
  violate,  // 400, and the upload is aborted
  refuse,   // 400, and nothing else changes
  ignore,
};

Rule rule_for(State state, Input input);

std::string_view name_of(State state);
std::string_view name_of(Input input);

}  // namespace dync::receiver
