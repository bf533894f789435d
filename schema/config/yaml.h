#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "schema/config/config.h"
#include "schema/config/scalar.h"

// YAML as a tree of values, with the line of each. Inside config only.
namespace dync::config {

struct YamlNode;
using NodePtr = std::shared_ptr<const YamlNode>;

struct Entry {
  std::string key;
  int line = 0;  // of the key
  NodePtr value;
};

struct YamlNode {
  Kind kind = Kind::null;
  int line = 1;
  std::size_t depth = 1;       // levels below it, aliases followed
  bool quoted = false;         // a text in quotes, or a block
  std::string text;            // a scalar as written, quotes and escapes resolved
  Scalar scalar;               // what it means
  std::vector<NodePtr> items;  // of a list
  std::vector<Entry> entries;  // of a map, in the file's order; what `<<` brought comes last
};

// One document. Refuses what Python's safe_load refuses, and beyond that a key given twice and whatever would
// make the tree large or deep. An empty text is null. Throws Error naming `file`.
NodePtr read_yaml(std::string_view text, const Path& file);

}  // namespace dync::config
