#include "schema/ledger/states.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>
#include <string>

namespace dync::ledger {
namespace {

std::set<State> set_of(std::span<const State> states) {
  return {states.begin(), states.end()};
}

TEST(States, TextsAreTheOnesThatOperatorsKnow) {
  const std::set<std::string> expected = {"receiving", "received", "verified", "extracting", "committing",
                                          "committed", "failed",   "aborted",  "expired"};
  std::set<std::string> found;
  for (const State state : kStates) {
    found.emplace(text_of(state));
    EXPECT_EQ(state_from(text_of(state)), state);
  }
  EXPECT_EQ(found, expected);
  EXPECT_FALSE(state_from("Committed"));
  EXPECT_FALSE(state_from(""));
}

TEST(States, TheWayOfAnUpload) {
  EXPECT_TRUE(may_follow(State::receiving, State::received));
  EXPECT_TRUE(may_follow(State::received, State::verified));
  EXPECT_TRUE(may_follow(State::verified, State::extracting));
  EXPECT_TRUE(may_follow(State::verified, State::committing));
  EXPECT_TRUE(may_follow(State::extracting, State::committing));
  EXPECT_TRUE(may_follow(State::committing, State::committed));
  EXPECT_FALSE(may_follow(State::receiving, State::verified));
  EXPECT_FALSE(may_follow(State::received, State::committing));
  EXPECT_FALSE(may_follow(State::verified, State::committed));
  EXPECT_FALSE(may_follow(State::verified, State::aborted));
  EXPECT_FALSE(may_follow(State::committing, State::aborted));
}

TEST(States, AnEndIsAnEnd) {
  for (const State end : {State::committed, State::failed, State::aborted, State::expired}) {
    EXPECT_TRUE(successors(end).empty());
    EXPECT_FALSE(is_live(end));
  }
}

TEST(States, PredecessorsAndSuccessorsAgree) {
  for (const State from : kStates)
    for (const State to : kStates) {
      EXPECT_EQ(set_of(successors(from)).count(to), set_of(predecessors(to)).count(from));
      EXPECT_EQ(may_follow(from, to), set_of(successors(from)).count(to) == 1);
    }
  EXPECT_EQ(set_of(predecessors(State::committed)), std::set<State>{State::committing});
  EXPECT_TRUE(predecessors(State::receiving).empty());
}

}  // namespace
}  // namespace dync::ledger
