#include "schema/rules/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "schema/names/text.h"

namespace dync::rules::json {
namespace {

static_assert(std::numeric_limits<long double>::digits >= 64);

constexpr std::size_t kMostShown = 40;  // bytes of a text in a sentence

std::optional<Flaw> find_flaw_below(const dom::element& value, std::size_t depth_left);

std::optional<Flaw> find_flaw_in(const dom::object& object, std::size_t depth_left) {
  std::vector<std::string_view> keys;
  for (const auto& [key, value] : object) {
    keys.push_back(key);
    if (auto flaw = find_flaw_below(value, depth_left)) return flaw;
  }
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return std::nullopt;
  return Flaw{std::string(*twice)};
}

std::optional<Flaw> find_flaw_below(const dom::element& value, std::size_t depth_left) {
  if (!value.is_object() && !value.is_array()) return std::nullopt;
  if (depth_left == 0) return Flaw{};
  dom::object object;
  if (value.get(object) == simdjson::SUCCESS) return find_flaw_in(object, depth_left - 1);
  for (const dom::element item : dom::array(value)) {
    if (auto flaw = find_flaw_below(item, depth_left - 1)) return flaw;
  }
  return std::nullopt;
}

unsigned bits(Type type) {
  return static_cast<unsigned>(type);
}

std::string as_list(const dom::array& array) {
  std::string text = "[";
  for (const dom::element item : array) text += canonical(item) + ",";
  return text + "]";
}

std::string as_object(const dom::object& object) {
  std::map<std::string_view, dom::element> sorted;
  for (const auto& [key, value] : object) sorted.emplace(key, value);
  std::string text = "{";
  for (const auto& [key, value] : sorted)
    text.append(std::to_string(key.size())).append(":").append(key).append(canonical(value)).append(",");
  return text + "}";
}

}  // namespace

std::optional<Flaw> find_flaw(const dom::element& value, std::size_t most_depth) {
  return find_flaw_below(value, most_depth);
}

unsigned types_of(const dom::element& value) {
  switch (value.type()) {
    case dom::element_type::ARRAY:
      return bits(Type::list);
    case dom::element_type::OBJECT:
      return bits(Type::object);
    case dom::element_type::STRING:
      return bits(Type::text);
    case dom::element_type::BOOL:
      return bits(Type::boolean);
    case dom::element_type::NULL_VALUE:
      return bits(Type::null);
    default:
      break;
  }
  const long double number = number_of(value).value_or(0);
  return bits(Type::number) | (std::floor(number) == number ? bits(Type::integer) : 0U);
}

std::optional<long double> number_of(const dom::element& value) {
  if (value.is<std::int64_t>()) return static_cast<long double>(std::int64_t(value));
  if (value.is<std::uint64_t>()) return static_cast<long double>(std::uint64_t(value));
  double real = 0;
  if (value.get(real) == simdjson::SUCCESS) return static_cast<long double>(real);
  return std::nullopt;
}

std::string shown(long double number) {
  std::array<char, 64> text{};
  const bool whole = std::floor(number) == number && std::fabs(number) < 1e20L;
  const auto end = whole ? std::to_chars(text.begin(), text.end(), number, std::chars_format::fixed)
                         : std::to_chars(text.begin(), text.end(), static_cast<double>(number));
  const std::string written(text.begin(), end.ptr);
  return written == "-0" ? "0" : written;
}

std::string canonical(const dom::element& value) {
  if (value.is_array()) return as_list(value);
  if (value.is_object()) return as_object(value);
  if (const auto number = number_of(value)) return shown(*number);
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS)
    return "\"" + std::to_string(text.size()) + ":" + std::string(text);
  return shown(value);
}

std::string shown(const dom::element& value) {
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  if (const auto number = number_of(value)) return shown(*number);
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return "the text " + names::quote(text, kMostShown);
  bool truth = false;
  if (value.get(truth) == simdjson::SUCCESS) return truth ? "true" : "false";
  return "null";
}

}  // namespace dync::rules::json
