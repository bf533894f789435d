#include "schema/rules/demands.h"

#include <map>

#include "schema/limits/limits.h"
#include "schema/names/text.h"
#include "schema/rules/json.h"
#include "schema/rules/place.h"

namespace dync::rules {
namespace {

namespace dom = json::dom;
using Keys = std::set<std::string, std::less<>>;

// The sentences about all that is wrong, as many as fit.
class Findings {
 public:
  void missing(const Place& place) {
    if (full()) return count();
    missing_ += (missing_.empty() ? "" : ", ") + shown(place);
  }
  void wrong(const Place& place, const std::string& how) {
    if (full()) return count();
    wrong_ += (wrong_.empty() ? "" : "; ") + (place.is_root() ? "it" : shown(place)) + " " + how;
  }

  std::optional<std::string> sentence() const {
    if (missing_.empty() && wrong_.empty()) return std::nullopt;
    std::string text = missing_.empty() ? "must be corrected: " + wrong_ : "lacks " + missing_;
    if (!missing_.empty() && !wrong_.empty()) text += "; " + wrong_;
    if (more_ > 0) text += "; and " + std::to_string(more_) + " more";
    return text;
  }

 private:
  bool full() const { return missing_.size() + wrong_.size() >= limits::kMaxComplaint; }
  void count() { ++more_; }
  static std::string shown(const Place& place) { return names::quote(place.pointer(), kMostPointer); }

  std::string missing_;
  std::string wrong_;
  std::size_t more_ = 0;
};

std::uint64_t characters(std::string_view text) {
  std::uint64_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0U) != 0x80U ? 1 : 0;
  return count;
}

class Checker {
 public:
  explicit Checker(const Keys& keys) : keys_(keys) {}

  void check_keys(const dom::element& root) {
    const auto members = members_of(root);
    for (const std::string& key : keys_) {
      if (!members.contains(key)) findings_.missing(Place().member(key));
    }
  }

  void check(const Schema& schema, const dom::element& value, const Place& place) {
    if (!steps_.take(1)) return;
    const unsigned types = json::types_of(value);
    if (schema.nothing) return findings_.wrong(place, "must not be there");
    if (schema.types != 0 && (schema.types & types) == 0)
      return findings_.wrong(place, "must be " + schema.types_shown + ", but is " + json::shown(value));
    check_choice(schema, value, place);
    if (const auto number = json::number_of(value)) check_number(schema, *number, place);
    if (value.is_string()) check_text(schema, value, place);
    if (value.is_array() && schema.items) check_items(*schema.items, value, place);
    if (value.is_object()) check_object(schema, value, place);
  }

  bool gave_up() const { return steps_.over(); }
  std::optional<std::string> sentence() const { return findings_.sentence(); }

 private:
  using Members = std::map<std::string_view, dom::element>;

  Members members_of(const dom::object& object) {
    Members members;
    for (const auto& [key, value] : object) members.emplace(key, value);
    steps_.take(members.size());
    return members;
  }

  void check_choice(const Schema& schema, const dom::element& value, const Place& place) {
    if (!schema.one_of && !schema.constant) return;
    const std::string canonical = json::canonical(value);
    steps_.take(canonical.size());
    if (schema.one_of && !schema.one_of->values.contains(canonical))
      findings_.wrong(place, "must be one of " + schema.one_of->shown + ", but is " + json::shown(value));
    if (schema.constant && !schema.constant->values.contains(canonical))
      findings_.wrong(place, "must be " + schema.constant->shown + ", but is " + json::shown(value));
  }

  void check_number(const Schema& schema, long double number, const Place& place) {
    if (schema.minimum && number < schema.minimum->value)
      findings_.wrong(place, "must be at least " + schema.minimum->shown + ", but is " + json::shown(number));
    if (schema.maximum && number > schema.maximum->value)
      findings_.wrong(place, "must be at most " + schema.maximum->shown + ", but is " + json::shown(number));
  }

  void check_text(const Schema& schema, std::string_view text, const Place& place) {
    if (schema.min_length || schema.max_length) check_length(schema, text, place);
    if (!schema.pattern) return;
    if (schema.pattern->find(text, steps_) == Match::yes) return;
    findings_.wrong(place, "must fit the pattern " + schema.pattern_shown + ", but is " + names::quote(text));
  }

  void check_length(const Schema& schema, std::string_view text, const Place& place) {
    const std::uint64_t length = characters(text);
    steps_.take(text.size());
    const auto told = [&](const char* bound, std::uint64_t limit) {
      findings_.wrong(place, std::string("must have ") + bound + " " + std::to_string(limit) +
                                 " characters, but has " + std::to_string(length));
    };
    if (schema.min_length && length < *schema.min_length) told("at least", *schema.min_length);
    if (schema.max_length && length > *schema.max_length) told("at most", *schema.max_length);
  }

  void check_items(const Schema& schema, const dom::array& list, const Place& place) {
    std::size_t index = 0;
    for (const dom::element item : list) {
      if (gave_up()) return;
      check(schema, item, place.item(index++));
    }
  }

  void check_object(const Schema& schema, const dom::object& object, const Place& place) {
    const Members members = members_of(object);
    for (const std::string& key : schema.required) {
      if (!steps_.take(1)) return;
      const bool told = place.is_root() && keys_.contains(key);
      if (!told && !members.contains(key)) findings_.missing(place.member(key));
    }
    for (const auto& [key, value] : members) {
      if (gave_up()) return;
      const auto property = schema.properties.find(key);
      if (property != schema.properties.end())
        check(property->second, value, place.member(key));
      else if (schema.additional)
        check(*schema.additional, value, place.member(key));
    }
  }

  const Keys& keys_;
  Findings findings_;
  Steps steps_{limits::kMaxMetadataSteps};
};

}  // namespace

std::optional<std::string> Demands::unmet(std::string_view metadata) const {
  if (keys_.empty() && !schema_) return std::nullopt;
  dom::parser parser;
  const simdjson::padded_string padded(metadata);
  dom::element root;
  if (parser.parse(padded).get(root) != simdjson::SUCCESS) return "is no valid JSON";
  Checker checker(keys_);
  checker.check_keys(root);
  if (schema_) checker.check(*schema_, root, Place{});
  if (checker.gave_up())
    return "takes too long to be checked; shorten it, or ask the server's operator to simplify the schema's "
           "patterns";
  return checker.sentence();
}

}  // namespace dync::rules
