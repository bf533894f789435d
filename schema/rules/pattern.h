#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "schema/rules/steps.h"

// Inside rules only.
namespace dync::rules {

// Not a regular expression: what is wrong, and at which character of it.
class PatternError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// gave_up: it would have taken too long, or too much memory.
enum class Match { yes, no, gave_up };

// A regular expression as Python's re.match takes it: anchored at the start, Unicode classes, `\Z` the very
// end. A match is bounded in steps, depth and memory, whatever the expression and the text are.
class Pattern {
 public:
  explicit Pattern(std::string_view regexp);  // throws PatternError
  Match match(std::string_view text) const;

 private:
  struct Code;
  std::shared_ptr<const Code> code_;
};

// A regular expression as JSON Schema has it (ECMA 262): it may fit anywhere in the text, \d and \w are
// ASCII,
// `$` is the very end. PCRE2's limits count anew at each place of the text; a search counts all of its steps,
// so the sum of many searches is bounded too.
class Search {
 public:
  explicit Search(std::string_view regexp);  // throws PatternError
  Match find(std::string_view text, Steps& steps) const;

 private:
  struct Code;
  std::shared_ptr<const Code> code_;
};

// Python's notation in PCRE2's, where they differ: \Z, \uXXXX, \UXXXXXXXX, {,n}.
std::string to_pcre(std::string_view python);

}  // namespace dync::rules
