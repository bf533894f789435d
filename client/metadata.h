#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// The metadata that goes with each file: the object of --meta, then --key-value over it.
namespace dync::client {

using KeyValues = std::vector<std::pair<std::string, std::string>>;  // a later one wins

struct MetadataProblem {
  std::string sentence;  // with line and column where there is one, both from 1
};

// `text` is the content of --meta (empty: none was given). The order of its keys is kept.
std::variant<std::string, MetadataProblem> merge_metadata(std::string_view text, const KeyValues& over);

}  // namespace dync::client
