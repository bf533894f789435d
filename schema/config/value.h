#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "schema/config/yaml.h"

namespace dync::config {

// A value together with its place, so that each complaint can name file, line and key. Inside config only.
// What is missing, or null, is absent; asking it for its parts gives absent ones. The getters throw Error for
// another type, each with the sentence that says what to write.
class Value {
 public:
  Value(const Path& file, NodePtr node) : file_(&file), node_(std::move(node)), line_(node_->line) {}

  bool absent() const;
  int line() const noexcept { return line_; }
  const std::string& key() const noexcept { return key_; }

  Value at(std::string_view name) const;  // of a map
  std::vector<Value> items() const;       // of a list
  // Refuses a map's key that is not in `names`.
  void allow(const std::vector<std::string_view>& names) const;

  std::string text() const;
  Path absolute_path() const;
  bool flag() const;
  std::uint64_t number(std::uint64_t least, std::uint64_t most, std::string_view unit) const;

  // The same without complaints, for settings that must never stop the start.
  std::string text_or(std::string_view fallback) const;
  std::uint64_t number_or(std::uint64_t fallback) const;
  bool is_map() const;

  const YamlNode& node() const noexcept { return *node_; }
  [[noreturn]] void refuse(const std::string& sentence) const;

 private:
  Value(const Path* file, NodePtr node, std::string key, int line)
      : file_(file), node_(std::move(node)), key_(std::move(key)), line_(line) {}
  std::string shown() const;  // what stands there, for a sentence: "is the text 'abc'"

  const Path* file_;
  NodePtr node_;  // never null
  std::string key_;
  int line_;  // of what is absent: the line of the map that lacks it
};

}  // namespace dync::config
