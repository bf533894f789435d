#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

// Inside rules only.
namespace dync::rules {

// A regular expression as Python's re.match takes it: anchored at the start, Unicode classes, `\Z` the very
// end. A match is bounded in steps, depth and memory, whatever the expression and the text are.
class Pattern {
 public:
  // Not a regular expression: what is wrong, and at which character of it.
  class Error : public std::runtime_error {
   public:
    using std::runtime_error::runtime_error;
  };
  explicit Pattern(std::string_view regexp);

  enum class Match { yes, no, gave_up };
  Match match(std::string_view text) const;

 private:
  struct Code;
  std::shared_ptr<const Code> code_;
};

// Python's notation in PCRE2's, where they differ: \Z, \uXXXX, \UXXXXXXXX, {,n}.
std::string to_pcre(std::string_view python);

}  // namespace dync::rules
