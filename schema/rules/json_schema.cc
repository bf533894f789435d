#include "schema/rules/json_schema.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "schema/limits/limits.h"
#include "schema/names/text.h"
#include "schema/rules/json.h"
#include "schema/rules/place.h"

namespace dync::rules {
namespace {

using json::Type;
using names::quote;
namespace dom = json::dom;

struct TypeName {
  const char* name;
  Type type;
  const char* shown;
};
constexpr std::array kTypes = {TypeName{"null", Type::null, "null"},
                               TypeName{"boolean", Type::boolean, "true or false"},
                               TypeName{"integer", Type::integer, "an integer"},
                               TypeName{"number", Type::number, "a number"},
                               TypeName{"string", Type::text, "a text"},
                               TypeName{"array", Type::list, "a list"},
                               TypeName{"object", Type::object, "an object"}};
constexpr std::array kAnnotations = {"$schema",     "$id",     "$comment", "title",
                                     "description", "default", "examples"};

[[noreturn]] void refuse(const Place& place, const std::string& sentence) {
  const std::string pointer = place.pointer();
  throw SchemaError("at " + quote(pointer.empty() ? "/" : pointer, kMostPointer) + ": " + sentence);
}

std::string text_at(const dom::element& value, const Place& place) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS)
    refuse(place, "a text is wanted, but here is " + json::shown(value));
  return std::string(text);
}

dom::array list_at(const dom::element& value, const Place& place) {
  dom::array list;
  if (value.get(list) != simdjson::SUCCESS)
    refuse(place, "a list is wanted, but here is " + json::shown(value));
  return list;
}

std::uint64_t length_at(const dom::element& value, const Place& place) {
  const auto number = json::number_of(value);
  const bool fits = number && (json::types_of(value) & static_cast<unsigned>(Type::integer)) != 0 &&
                    *number >= 0 && *number <= 0x1p63L;
  if (!fits) refuse(place, "a number of characters is wanted, but here is " + json::shown(value));
  return static_cast<std::uint64_t>(*number);
}

Bound bound_at(const dom::element& value, const Place& place) {
  const auto number = json::number_of(value);
  if (!number) refuse(place, "a number is wanted, but here is " + json::shown(value));
  return {*number, json::shown(*number)};
}

void add_type(const dom::element& value, const Place& place, Schema& schema) {
  const std::string name = text_at(value, place);
  for (const TypeName& type : kTypes) {
    if (name != type.name) continue;
    schema.types |= static_cast<unsigned>(type.type);
    schema.types_shown += (schema.types_shown.empty() ? "" : " or ") + std::string(type.shown);
    return;
  }
  refuse(place,
         quote(name) + " is no type; known are null, boolean, integer, number, string, array and object");
}

Choice choice_of(const std::vector<dom::element>& values) {
  Choice choice;
  constexpr std::size_t kMostShown = 300;  // bytes of a list in a sentence
  std::size_t left = values.size();
  for (const dom::element& value : values) {
    choice.values.insert(json::canonical(value));
    if (choice.shown.size() <= kMostShown) {
      choice.shown += (choice.shown.empty() ? "" : ", ") + json::shown(value);
      --left;
    }
  }
  if (left > 0) choice.shown += ", and " + std::to_string(left) + " more";
  return choice;
}

Schema schema_at(const dom::element& value, const Place& place);

void read_type(const dom::element& value, const Place& place, Schema& schema) {
  if (!value.is_array()) return add_type(value, place, schema);
  std::size_t index = 0;
  for (const dom::element type : dom::array(value)) add_type(type, place.item(index++), schema);
  if (index == 0) refuse(place, "this list is empty; name a type");
}

void read_required(const dom::element& value, const Place& place, Schema& schema) {
  std::size_t index = 0;
  for (const dom::element key : list_at(value, place))
    schema.required.push_back(text_at(key, place.item(index++)));
}

void read_properties(const dom::element& value, const Place& place, Schema& schema) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS)
    refuse(place, "an object of schemas is wanted, but here is " + json::shown(value));
  for (const auto& [key, property] : object)
    schema.properties.emplace(std::string(key), schema_at(property, place.member(key)));
}

void read_additional(const dom::element& value, const Place& place, Schema& schema) {
  schema.additional = std::make_unique<Schema>(schema_at(value, place));
}

void read_items(const dom::element& value, const Place& place, Schema& schema) {
  if (value.is_array()) refuse(place, "one schema for all items is wanted, but here is a list of them");
  schema.items = std::make_unique<Schema>(schema_at(value, place));
}

void read_enum(const dom::element& value, const Place& place, Schema& schema) {
  std::vector<dom::element> values;
  for (const dom::element one : list_at(value, place)) values.push_back(one);
  if (values.empty()) refuse(place, "this list is empty; name a value");
  schema.one_of = choice_of(values);
}

void read_const(const dom::element& value, const Place&, Schema& schema) {
  schema.constant = choice_of({value});
}

void read_minimum(const dom::element& value, const Place& place, Schema& schema) {
  schema.minimum = bound_at(value, place);
}
void read_maximum(const dom::element& value, const Place& place, Schema& schema) {
  schema.maximum = bound_at(value, place);
}
void read_min_length(const dom::element& value, const Place& place, Schema& schema) {
  schema.min_length = length_at(value, place);
}
void read_max_length(const dom::element& value, const Place& place, Schema& schema) {
  schema.max_length = length_at(value, place);
}

void read_pattern(const dom::element& value, const Place& place, Schema& schema) {
  const std::string regexp = text_at(value, place);
  try {
    schema.pattern.emplace(regexp);
    schema.pattern_shown = quote(regexp);
  } catch (const PatternError& error) {
    refuse(place, quote(regexp) + " is no regular expression: " + error.what());
  }
}

struct Keyword {
  const char* name;
  void (*read)(const dom::element& value, const Place& place, Schema& schema);
};
constexpr std::array kKeywords = {Keyword{"type", read_type},
                                  Keyword{"required", read_required},
                                  Keyword{"properties", read_properties},
                                  Keyword{"additionalProperties", read_additional},
                                  Keyword{"items", read_items},
                                  Keyword{"enum", read_enum},
                                  Keyword{"const", read_const},
                                  Keyword{"minimum", read_minimum},
                                  Keyword{"maximum", read_maximum},
                                  Keyword{"minLength", read_min_length},
                                  Keyword{"maxLength", read_max_length},
                                  Keyword{"pattern", read_pattern}};

void read_keyword(std::string_view name, const dom::element& value, const Place& place, Schema& schema) {
  if (std::find(kAnnotations.begin(), kAnnotations.end(), name) != kAnnotations.end()) return;
  const auto keyword = std::find_if(kKeywords.begin(), kKeywords.end(),
                                    [&](const Keyword& known) { return name == known.name; });
  if (keyword != kKeywords.end()) return keyword->read(value, place.member(name), schema);
  std::string known;
  for (const Keyword& each : kKeywords) known.append(known.empty() ? "" : ", ").append(each.name);
  for (const char* each : kAnnotations) known.append(", ").append(each);
  refuse(place.member(name),
         "the keyword " + quote(name) + " is not checked here, remove it; known are " + known);
}

Schema schema_at(const dom::element& value, const Place& place) {
  Schema schema;
  bool truth = false;
  if (value.get(truth) == simdjson::SUCCESS) {
    schema.nothing = !truth;
    return schema;
  }
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS)
    refuse(place, "a schema is wanted, an object, true or false, but here is " + json::shown(value));
  for (const auto& [name, what] : object) read_keyword(name, what, place, schema);
  return schema;
}

// simdjson does not tell where a text stops to be JSON.
[[noreturn]] void refuse_text(std::string_view text) {
  try {
    [[maybe_unused]] const auto ignored = nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    const std::size_t end = std::min(error.byte, text.size());
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n');
    throw SchemaError("in line " + std::to_string(line) +
                      ": this is no valid JSON, correct it there or above");
  } catch (const nlohmann::json::exception&) {
    throw SchemaError("a number in it is too large");
  }
  throw SchemaError(
      "this is no JSON that can be read: it is nested too deep, or a number needs more than 64 bits");
}

}  // namespace

Schema read_schema(std::string_view text) {
  dom::parser parser;
  dom::element root;
  const simdjson::padded_string padded(text);
  if (parser.parse(padded).get(root) != simdjson::SUCCESS) refuse_text(text);
  if (const auto flaw = json::find_flaw(root, limits::kMaxSchemaDepth)) {
    if (flaw->twice)
      throw SchemaError("the key " + quote(*flaw->twice) + " is given twice; keep one of them");
    throw SchemaError("it is nested deeper than " + std::to_string(limits::kMaxSchemaDepth) +
                      " levels; make it flatter");
  }
  return schema_at(root, Place{});
}

}  // namespace dync::rules
