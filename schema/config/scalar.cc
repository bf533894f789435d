#include "schema/config/scalar.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

namespace dync::config {
namespace {

using std::string_view;

bool one_of(string_view word, std::initializer_list<string_view> lower_case_words) {
  // Python takes `no`, `No` and `NO`, but not `nO`.
  std::string lower(word);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (std::find(lower_case_words.begin(), lower_case_words.end(), lower) == lower_case_words.end()) {
    return false;
  }
  const string_view rest = word.substr(1);
  const bool all_lower = word == lower;
  const bool capital = rest == string_view(lower).substr(1);
  const bool all_upper = std::none_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  return all_lower || capital || all_upper;
}

bool only(string_view text, string_view allowed) {
  return text.find_first_not_of(allowed) == string_view::npos;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

unsigned digit_value(char c) {
  if (is_digit(c)) return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a') + 10;
}

// `digits` may hold underscores. Nothing if the number is above the largest.
std::optional<std::int64_t> value_of(string_view digits, unsigned base) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::int64_t value = 0;
  for (const char c : digits) {
    if (c == '_') continue;
    const auto digit = static_cast<std::int64_t>(digit_value(c));
    if (value > (kMost - digit) / static_cast<std::int64_t>(base)) return std::nullopt;
    value = value * static_cast<std::int64_t>(base) + digit;
  }
  return value;
}

struct Notation {
  string_view prefix;
  string_view digits;
  unsigned base;
};
constexpr std::array<Notation, 4> kNotations = {{
    {"0b", "01_", 2},
    {"0x", "0123456789abcdefABCDEF_", 16},
    {"0o", "01234567_", 8},
    {"0", "01234567_", 8},
}};

// 1:30:00, each part after the first below 60.
std::optional<std::optional<std::int64_t>> read_sexagesimal(string_view word) {
  std::optional<std::int64_t> sum = 0;
  for (bool first = true;; first = false) {
    const std::size_t colon = word.find(':');
    const string_view part = word.substr(0, colon);
    if (part.empty() || !only(part, first ? "0123456789_" : "0123456789")) return std::nullopt;
    if (!first && (part.size() > 2 || (part.size() == 2 && part[0] > '5'))) return std::nullopt;
    const auto value = value_of(part, 10);
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 60 - 60;
    if (!value || !sum || *sum > kMost || *value > kMost) {
      sum = std::nullopt;
    } else {
      sum = *sum * 60 + *value;
    }
    if (colon == string_view::npos) return sum;
    word.remove_prefix(colon + 1);
  }
}

// The outer optional: whether it is an integer at all.
std::optional<std::optional<std::int64_t>> read_unsigned(string_view word) {
  if (word.empty()) return std::nullopt;
  if (word == "0") return 0;
  for (const auto& [prefix, digits, base] : kNotations) {
    if (!word.starts_with(prefix)) continue;
    const string_view rest = word.substr(prefix.size());
    if (!rest.empty() && !only(rest, "_") && only(rest, digits)) return value_of(rest, base);
  }
  if (word[0] < '1' || word[0] > '9') return std::nullopt;
  if (only(word, "0123456789_")) return value_of(word, 10);
  return read_sexagesimal(word);
}

// An exponent needs its sign, else Python sees a text.
bool is_exponent(string_view text) {
  return text.size() > 2 && (text[0] == 'e' || text[0] == 'E') && (text[1] == '+' || text[1] == '-') &&
         only(text.substr(2), "0123456789");
}

bool is_real(string_view word) {
  for (const char* special : {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"}) {
    if (word == special) return true;
  }
  const std::size_t point = word.find('.');
  if (point == string_view::npos) return false;
  const string_view before = word.substr(0, point);
  string_view after = word.substr(point + 1);
  if (!only(before, "0123456789_:") || (!before.empty() && !is_digit(before[0]))) return false;
  if (before.empty() && (after.empty() || !is_digit(after[0]))) return false;
  const std::size_t end = std::min(after.find_first_not_of("0123456789_"), after.size());
  after.remove_prefix(end);
  return after.empty() || is_exponent(after);
}

}  // namespace

Scalar read_plain(string_view word) {
  if (word.empty() || word == "~" || one_of(word, {"null"}))
    return {.kind = Kind::null, .truth = false, .number = {}};
  if (one_of(word, {"yes", "true", "on"})) return {.kind = Kind::boolean, .truth = true, .number = {}};
  if (one_of(word, {"no", "false", "off"})) return {.kind = Kind::boolean, .truth = false, .number = {}};
  const bool has_sign = word[0] == '-' || word[0] == '+';
  const string_view magnitude = word.substr(has_sign ? 1 : 0);
  if (const auto number = read_unsigned(magnitude)) {
    Scalar scalar{.kind = Kind::integer, .truth = false, .number = *number};
    if (scalar.number && word[0] == '-') scalar.number = -*scalar.number;
    return scalar;
  }
  if (is_real(magnitude)) return {.kind = Kind::real, .truth = false, .number = {}};
  return {};
}

}  // namespace dync::config
