#include "receiver/session_rules.h"

#include <gtest/gtest.h>
#include <map>
#include <utility>

namespace dync::receiver {
namespace {

// What the contract promises for each message in each state, written once more and independently.
const std::map<std::pair<State, Input>, Rule> kPromised{
    {{State::none, Input::post_file}, Rule::open},
    {{State::none, Input::chunk}, Rule::find},
    {{State::none, Input::query}, Rule::find},
    {{State::none, Input::error}, Rule::ignore},
    {{State::none, Input::malformed}, Rule::refuse},
    {{State::finding, Input::post_file}, Rule::open},
    {{State::finding, Input::chunk}, Rule::ignore},
    {{State::finding, Input::query}, Rule::ignore},
    {{State::finding, Input::error}, Rule::ignore},
    {{State::finding, Input::malformed}, Rule::refuse},
    {{State::opening, Input::post_file}, Rule::compare},
    {{State::opening, Input::chunk}, Rule::overrun},
    {{State::opening, Input::query}, Rule::ignore},
    {{State::opening, Input::error}, Rule::give_up},
    {{State::opening, Input::malformed}, Rule::violate},
    {{State::receiving, Input::post_file}, Rule::compare},
    {{State::receiving, Input::chunk}, Rule::take},
    {{State::receiving, Input::query}, Rule::status},
    {{State::receiving, Input::error}, Rule::give_up},
    {{State::receiving, Input::malformed}, Rule::violate},
    {{State::finishing, Input::post_file}, Rule::compare},
    {{State::finishing, Input::chunk}, Rule::ignore},
    {{State::finishing, Input::query}, Rule::status},
    {{State::finishing, Input::error}, Rule::ignore},
    {{State::finishing, Input::malformed}, Rule::ignore},
    {{State::finished, Input::post_file}, Rule::open},
    {{State::finished, Input::chunk}, Rule::repeat},
    {{State::finished, Input::query}, Rule::repeat},
    {{State::finished, Input::error}, Rule::ignore},
    {{State::finished, Input::malformed}, Rule::refuse},
    {{State::failed, Input::post_file}, Rule::open},
    {{State::failed, Input::chunk}, Rule::repeat},
    {{State::failed, Input::query}, Rule::repeat},
    {{State::failed, Input::error}, Rule::ignore},
    {{State::failed, Input::malformed}, Rule::refuse},
};

TEST(SessionRules, EachMessageInEachState) {
  int seen = 0;
  for (int s = 0; s < kStates; ++s) {
    for (int i = 0; i < kInputs; ++i) {
      const auto state = static_cast<State>(s);
      const auto input = static_cast<Input>(i);
      const auto promised = kPromised.find({state, input});
      ASSERT_NE(promised, kPromised.end()) << name_of(state) << " " << name_of(input);
      EXPECT_EQ(rule_for(state, input), promised->second) << name_of(state) << " " << name_of(input);
      ++seen;
    }
  }
  EXPECT_EQ(seen, static_cast<int>(kPromised.size()));
}

}  // namespace
}  // namespace dync::receiver
