#include <algorithm>
#include <set>

#include "schema/names/text.h"
#include "schema/rules/name.h"
#include "schema/rules/rules.h"

namespace dync::rules {
namespace {

constexpr std::size_t kLength = 10;

// Q, four of A-X and 0-9, three digits, one of A-X, one of A-X and 0-9.
bool has_form(std::string_view text) {
  constexpr std::string_view kForm = "Qxxxx000Ax";
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto letter = [](char c) { return c >= 'A' && c <= 'X'; };
  return text.size() == kLength &&
         std::equal(text.begin(), text.end(), kForm.begin(), [&](char c, char wanted) {
           if (wanted == 'Q') return c == 'Q';
           if (wanted == '0') return digit(c);
           return letter(c) || (wanted == 'x' && digit(c));
         });
}

char check_character(std::string_view barcode) {
  int sum = 0;
  for (int i = 0; i + 1 < static_cast<int>(kLength); ++i)
    sum += barcode[static_cast<std::size_t>(i)] * (i + 1);
  constexpr int kLastDigit = 57;
  const int code = sum % 34 + 48;
  return static_cast<char>(code > kLastDigit ? code + 7 : code);
}

// As re.findall: from left to right, not overlapping.
std::set<std::string> candidates(std::string_view stem) {
  std::set<std::string> found;
  for (std::size_t at = 0; at + kLength <= stem.size();) {
    const std::string_view here = stem.substr(at, kLength);
    if (has_form(here)) found.emplace(here);
    at += has_form(here) ? kLength : 1;
  }
  return found;
}

Refusal refused(std::string_view name, const std::string& why) {
  return {wire::Code::refused, "the name " + names::quote(name) + " " + why};
}

}  // namespace

bool valid_barcode(std::string_view barcode) {
  return has_form(barcode) && barcode.back() == check_character(barcode);
}

std::variant<std::string, Refusal> find_barcode(std::string_view name) {
  const auto found = candidates(split_suffix(name).first);
  if (found.empty()) {
    return refused(name,
                   "has no barcode before its suffix, such as QQBIC001AH; add the sample's barcode to it");
  }
  if (found.size() > 1) {
    std::string listed;
    for (const std::string& barcode : found) listed += (listed.empty() ? "" : ", ") + barcode;
    return refused(name, "has several barcodes (" + listed + "); keep exactly one");
  }
  const std::string& barcode = *found.begin();
  if (!valid_barcode(barcode)) {
    return refused(name, "has the barcode " + barcode + ", whose last character should be " +
                             std::string(1, check_character(barcode)) + "; correct the mistyped barcode");
  }
  return barcode;
}

}  // namespace dync::rules
