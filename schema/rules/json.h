#pragma once

#include <cstddef>
#include <optional>
#include <simdjson.h>
#include <string>
#include <string_view>

// Inside rules only: what metadata and schemas have in common as JSON.
namespace dync::rules::json {

namespace dom = simdjson::dom;

// What simdjson takes and we don't.
struct Flaw {
  std::optional<std::string> twice;  // a key that an object has twice; absent: nested too deep
};
std::optional<Flaw> find_flaw(const dom::element& value, std::size_t most_depth);

// JSON Schema's types. 1.0 is an integer and a number.
enum class Type : unsigned {
  null = 1,
  boolean = 2,
  integer = 4,
  number = 8,
  text = 16,
  list = 32,
  object = 64
};

// All types that a value has, as bits.
unsigned types_of(const dom::element& value);

// Two values are equal if and only if these are: keys in order, 1 for 1.0.
std::string canonical(const dom::element& value);

// For a sentence: "the text 'abc'", "12", "a list".
std::string shown(const dom::element& value);

// A number, without loss; nothing for another type. 64 bits of mantissa hold each integer of JSON as we take
// it.
std::optional<long double> number_of(const dom::element& value);
std::string shown(long double number);

}  // namespace dync::rules::json
