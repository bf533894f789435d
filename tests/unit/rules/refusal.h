#pragma once

#include <string>
#include <variant>

#include "schema/rules/rules.h"

namespace dync::rules {

// "422: the sentence", or empty where there is no refusal.
inline std::string said(const Refusal& refusal) {
  return std::to_string(static_cast<unsigned>(refusal.code)) + ": " + refusal.sentence;
}
inline std::string said(const std::optional<Refusal>& refusal) {
  return refusal ? said(*refusal) : "";
}
template <typename Accepted>
std::string said(const std::variant<Accepted, Refusal>& result) {
  const auto* refusal = std::get_if<Refusal>(&result);
  return refusal == nullptr ? "" : said(*refusal);
}

}  // namespace dync::rules
