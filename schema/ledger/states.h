#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace dync::ledger {

// Where an upload stands. The texts are in the ledger for ever.
//   receiving → received → verified → [extracting →] committing → committed
// and `failed`, `aborted`, `expired` as other ends.
enum class State : std::uint8_t {
  receiving,   // staged, bytes may still come
  received,    // all bytes are on the disk
  verified,    // their SHA-256 is the client's
  extracting,  // dync-untar is at work, or its tree is being checked
  committing,  // its final path is settled; it can't fail any more
  committed,   // published, durable
  failed,      // refused by a rule or by an error of ours
  aborted,     // ended by its client: given up, too slow, or against the protocol
  expired,     // a partial that nobody came back for
};

inline constexpr State kStates[] = {State::receiving,  State::received,   State::verified,
                                    State::extracting, State::committing, State::committed,
                                    State::failed,     State::aborted,    State::expired};

std::string_view text_of(State state);
std::optional<State> state_from(std::string_view text);

// The one table of allowed steps, read in both directions.
std::span<const State> successors(State state);
std::span<const State> predecessors(State state);
bool may_follow(State from, State to);

// Not ended yet.
bool is_live(State state);

}  // namespace dync::ledger
