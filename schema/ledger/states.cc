#include "schema/ledger/states.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace dync::ledger {
namespace {

constexpr std::size_t kCount = std::size(kStates);

struct Step {
  State from;
  State to;
};

constexpr Step kSteps[] = {
    {State::receiving, State::received},
    {State::receiving, State::failed},
    {State::receiving, State::aborted},
    {State::receiving, State::expired},
    {State::received, State::verified},
    {State::received, State::failed},
    {State::received, State::aborted},
    {State::verified, State::extracting},
    {State::verified, State::committing},
    {State::verified, State::failed},
    {State::extracting, State::committing},
    {State::extracting, State::failed},
    {State::committing, State::committed},
    {State::committing, State::failed},  // only when step 7 was undone
};

struct Neighbours {
  std::array<State, kCount> states{};
  std::size_t count = 0;
};
using Table = std::array<Neighbours, kCount>;

constexpr std::size_t index_of(State state) {
  return static_cast<std::size_t>(state);
}

constexpr Table make_table(State Step::*key, State Step::*value) {
  Table table{};
  for (const Step& step : kSteps) {
    Neighbours& row = table[index_of(step.*key)];
    row.states[row.count++] = step.*value;
  }
  return table;
}

constexpr Table kSuccessors = make_table(&Step::from, &Step::to);
constexpr Table kPredecessors = make_table(&Step::to, &Step::from);

constexpr std::array<std::string_view, kCount> kTexts = {"receiving",  "received",   "verified",
                                                         "extracting", "committing", "committed",
                                                         "failed",     "aborted",    "expired"};

std::span<const State> span_of(const Neighbours& row) {
  return {row.states.data(), row.count};
}

}  // namespace

std::string_view text_of(State state) {
  return kTexts[index_of(state)];
}

std::optional<State> state_from(std::string_view text) {
  const auto* const found = std::find(kTexts.begin(), kTexts.end(), text);
  if (found == kTexts.end()) return std::nullopt;
  return kStates[found - kTexts.begin()];
}

std::span<const State> successors(State state) {
  return span_of(kSuccessors[index_of(state)]);
}
std::span<const State> predecessors(State state) {
  return span_of(kPredecessors[index_of(state)]);
}

bool may_follow(State from, State to) {
  const auto next = successors(from);
  return std::find(next.begin(), next.end(), to) != next.end();
}

bool is_live(State state) {
  return !successors(state).empty();
}

}  // namespace dync::ledger
