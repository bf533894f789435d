#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "schema/rules/json_schema.h"

// Inside rules only.
namespace dync::rules {

// What one dropbox demands of metadata.
class Demands {
 public:
  // `schema` may be null.
  Demands(const std::vector<std::string>& keys, std::shared_ptr<const Schema> schema)
      : keys_(keys.begin(), keys.end()), schema_(std::move(schema)) {}

  // What `metadata`, which parse_metadata has taken, lacks or breaks: all of it, each with its JSON pointer,
  // in one sentence of bounded length. Nothing if all is well.
  std::optional<std::string> unmet(std::string_view metadata) const;

 private:
  std::set<std::string, std::less<>> keys_;  // top-level ones that must be there
  std::shared_ptr<const Schema> schema_;
};

}  // namespace dync::rules
