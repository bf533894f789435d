#include "schema/config/value.h"

#include <algorithm>

#include "schema/names/text.h"

namespace dync::config {

using names::quote;

void Value::refuse(const std::string& sentence) const {
  throw Error(*file_, line_, key_, sentence);
}

bool Value::absent() const {
  return node_->kind == Kind::null;
}

bool Value::is_map() const {
  return node_->kind == Kind::map;
}

Value Value::at(std::string_view name) const {
  const std::string key = key_.empty() ? std::string(name) : key_ + "." + std::string(name);
  const auto nothing = std::make_shared<const YamlNode>();
  if (absent()) return {file_, nothing, key, line_};
  if (!is_map()) refuse(shown() + "; write a map of settings");
  for (const Entry& entry : node_->entries) {
    if (entry.key == name) return {file_, entry.value, key, entry.line};
  }
  return {file_, nothing, key, line_};
}

std::vector<Value> Value::items() const {
  std::vector<Value> found;
  if (absent()) return found;
  if (node_->kind != Kind::list) refuse(shown() + "; write a list");
  for (const NodePtr& item : node_->items) {
    found.push_back({file_, item, key_ + "[" + std::to_string(found.size()) + "]", item->line});
  }
  return found;
}

void Value::allow(const std::vector<std::string_view>& names) const {
  if (absent()) return;
  if (!is_map()) refuse(shown() + "; write a map of settings");
  for (const Entry& entry : node_->entries) {
    if (std::find(names.begin(), names.end(), entry.key) != names.end()) continue;
    std::string known;
    for (const std::string_view name : names) known.append(known.empty() ? "" : ", ").append(name);
    const std::string key = key_.empty() ? entry.key : key_ + "." + entry.key;
    throw Error(*file_, entry.line, quote(key), "there is no such setting; known here are " + known);
  }
}

std::string Value::text() const {
  if (node_->kind == Kind::text && !node_->text.empty()) return node_->text;
  if (node_->kind == Kind::text) refuse("is an empty text; write a value or remove the key");
  const bool word = node_->kind != Kind::list && node_->kind != Kind::map && !absent();
  if (word) refuse(shown() + "; put it in quotes if a text is meant");
  refuse(shown() + "; write a text");
}

Path Value::absolute_path() const {
  Path path = text();
  if (!path.is_absolute()) {
    refuse(quote(path.native()) + " is a relative path; write it from the root, beginning with /");
  }
  if (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
  return path;
}

bool Value::flag() const {
  const Scalar& scalar = node_->scalar;
  if (node_->kind == Kind::boolean) return scalar.truth;
  const std::int64_t number = scalar.number.value_or(-1);
  if (node_->kind == Kind::integer && (number == 0 || number == 1)) return number == 1;
  refuse(shown() + "; write yes or no, without quotes");
}

std::uint64_t Value::number(std::uint64_t least, std::uint64_t most, std::string_view unit) const {
  const std::string of_unit = unit.empty() ? "" : " of " + std::string(unit);
  if (node_->kind != Kind::integer) {
    refuse(shown() + "; write a whole number" + of_unit + ", without quotes or unit");
  }
  const auto& number = node_->scalar.number;
  if (number && *number >= 0 && static_cast<std::uint64_t>(*number) >= least &&
      static_cast<std::uint64_t>(*number) <= most) {
    return static_cast<std::uint64_t>(*number);
  }
  refuse("is " + node_->text + "; write a number" + of_unit + " from " + std::to_string(least) + " to " +
         std::to_string(most));
}

std::string Value::text_or(std::string_view fallback) const {
  return node_->kind == Kind::text ? node_->text : std::string(fallback);
}

std::uint64_t Value::number_or(std::uint64_t fallback) const {
  const auto& number = node_->scalar.number;
  return node_->kind == Kind::integer && number && *number >= 0 ? static_cast<std::uint64_t>(*number)
                                                                : fallback;
}

std::string Value::shown() const {
  switch (node_->kind) {
    case Kind::null:
      return "has no value";
    case Kind::boolean:
      return "is " + node_->text + ", which YAML reads as " + (node_->scalar.truth ? "true" : "false");
    case Kind::integer:
    case Kind::real:
      return "is the number " + quote(node_->text);
    case Kind::text:
      return (node_->quoted ? "is the quoted text " : "is the text ") + quote(node_->text);
    case Kind::list:
      return "is a list";
    case Kind::map:
      return "is a map";
  }
  return "";
}

}  // namespace dync::config
