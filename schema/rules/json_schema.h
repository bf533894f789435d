#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "schema/rules/pattern.h"

// The part of JSON Schema (draft 6 and later) that metadata is checked by. Inside rules only.
//
// Known: type, required, properties, additionalProperties, items, enum, const, minimum, maximum, minLength,
// maxLength, pattern; `true` and `false` as schemas; and without effect $schema, $id, $comment, title,
// description, default, examples. A schema with any other keyword is refused: what it asks for would not be
// checked.
namespace dync::rules {

// Values of `enum` or `const`.
struct Choice {
  std::set<std::string> values;  // as json::canonical has them
  std::string shown;             // "the text 'a', 3 or null"
};

struct Bound {
  long double value;
  std::string shown;
};

// One schema, with those below it.
struct Schema {
  bool nothing = false;  // `false`: no value fits
  unsigned types = 0;    // bits of json::Type; 0: any
  std::string types_shown;
  std::vector<std::string> required;
  std::map<std::string, Schema, std::less<>> properties;
  std::unique_ptr<Schema> additional;  // absent: anything
  std::unique_ptr<Schema> items;       // absent: anything
  std::optional<Choice> one_of;        // `enum`
  std::optional<Choice> constant;
  std::optional<Bound> minimum, maximum;
  std::optional<std::uint64_t> min_length, max_length;  // characters: code points
  std::optional<Search> pattern;
  std::string pattern_shown;
};

// Why a text is no schema of ours: one sentence with the place as a JSON pointer, or the line.
class SchemaError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws SchemaError.
Schema read_schema(std::string_view text);

}  // namespace dync::rules
