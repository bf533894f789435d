#include "schema/rules/name.h"

#include "schema/limits/limits.h"
#include "schema/names/names.h"
#include "schema/names/text.h"
#include "schema/rules/rules.h"

namespace dync::rules {
namespace {

using names::quote;
using wire::Code;

Refusal malformed_name(const std::string& sentence) {
  return {Code::malformed, sentence};
}

Refusal is_ours(std::string_view name) {
  return malformed_name("the name " + quote(name) +
                        " is one that the server writes itself; send the file under another");
}

std::optional<Refusal> check_characters(std::string_view name) {
  for (std::size_t at = 0; at < name.size();) {
    const auto [c, length] = names::code_point_at(name, at);
    if (length == 0)
      return malformed_name("the name " + quote(name) + " is not UTF-8; send the file under another");
    if (names::is_deceptive(c)) {
      return malformed_name("the name " + quote(name) +
                            " holds a control character or one that turns the direction of text; remove it");
    }
    at += length;
  }
  return std::nullopt;
}

}  // namespace

std::pair<std::string_view, std::string_view> split_suffix(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  const std::size_t first = name.find_first_not_of('.');
  if (dot == std::string_view::npos || first == std::string_view::npos || first > dot) return {name, {}};
  return {name.substr(0, dot), name.substr(dot)};
}

std::optional<Refusal> check_name(std::string_view name) {
  if (name.empty()) return malformed_name("the name is empty; give the file one");
  if (name.size() > limits::kMaxName) {
    return malformed_name("the name " + quote(name) + " has " + std::to_string(name.size()) +
                          " bytes; shorten it to " + std::to_string(limits::kMaxName) + " at most");
  }
  if (auto bad = check_characters(name)) return bad;
  if (name.find('/') != std::string_view::npos) {
    return malformed_name("the name " + quote(name) +
                          " has a directory part; send only what follows the last /");
  }
  if (name.starts_with('.')) {
    return malformed_name("the name " + quote(name) + " begins with a dot; send the file under another");
  }
  if (name == names::kOriginFile) return is_ours(name);
  return std::nullopt;
}

std::variant<std::string, Refusal> clean_name(std::string_view name) {
  const auto [stem, suffix] = split_suffix(name);
  if (suffix.find_first_not_of(kCleanCharacters) != std::string_view::npos) {
    return malformed_name("the suffix " + quote(suffix) + " of the name " + quote(name) +
                          " may hold only A-Z, a-z, 0-9 and _; rename the file");
  }
  std::string clean;
  for (const char c : stem) {
    const bool leading_dot = c == '.' && clean.empty();
    if (kCleanCharacters.find(c) != std::string_view::npos && !leading_dot) clean += c;
  }
  if (clean.empty()) {
    return malformed_name("the name " + quote(name) +
                          " has none of A-Z, a-z, 0-9 and _ before its suffix; rename the file");
  }
  clean += suffix;
  if (clean == names::kOriginFile) return is_ours(clean);
  return clean;
}

bool is_clean(std::string_view name) {
  if (check_name(name)) return false;
  const auto clean = clean_name(name);
  const auto* text = std::get_if<std::string>(&clean);
  return text != nullptr && *text == name;
}

}  // namespace dync::rules
