#include "receiver/session_rules.h"

#include <array>
#include <cstddef>

namespace dync::receiver {
namespace {

using Row = std::array<Rule, kInputs>;

// In `finishing` nothing that the client says can change the outcome: an error message would then contradict
// the data set that appears.
constexpr std::array<Row, kStates> kTable{{
    //  post_file      chunk           query          error           malformed
    {Rule::open, Rule::find, Rule::find, Rule::ignore, Rule::refuse},            // none
    {Rule::open, Rule::ignore, Rule::ignore, Rule::ignore, Rule::refuse},        // finding
    {Rule::compare, Rule::overrun, Rule::ignore, Rule::give_up, Rule::violate},  // opening
    {Rule::compare, Rule::take, Rule::status, Rule::give_up, Rule::violate},     // receiving
    {Rule::compare, Rule::ignore, Rule::status, Rule::ignore, Rule::ignore},     // finishing
    {Rule::open, Rule::repeat, Rule::repeat, Rule::ignore, Rule::refuse},        // finished
    {Rule::open, Rule::repeat, Rule::repeat, Rule::ignore, Rule::refuse},        // failed
}};

constexpr std::array<std::string_view, kStates> kStateNames{"none",      "finding",  "opening", "receiving",
                                                            "finishing", "finished", "failed"};
constexpr std::array<std::string_view, kInputs> kInputNames{"post-file", "post-chunk", "query-status",
                                                            "error", "malformed"};

}  // namespace

Rule rule_for(State state, Input input) {
  return kTable.at(static_cast<std::size_t>(state)).at(static_cast<std::size_t>(input));
}

std::string_view name_of(State state) {
  return kStateNames.at(static_cast<std::size_t>(state));
}
std::string_view name_of(Input input) {
  return kInputNames.at(static_cast<std::size_t>(input));
}

}  // namespace dync::receiver
