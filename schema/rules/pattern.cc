#define PCRE2_CODE_UNIT_WIDTH 8
#include "schema/rules/pattern.h"

#include <algorithm>
#include <array>
#include <new>
#include <pcre2.h>
#include <utility>

#include "schema/limits/limits.h"

namespace dync::rules {
namespace {

// For names of 200 bytes an ordinary rule needs some hundred steps. 500,000 take about 20 ms.
constexpr std::uint32_t kMostSteps = 500'000;
constexpr std::uint32_t kMostDepth = 50'000;
constexpr std::uint32_t kMostHeapKiB = 16 * 1024;
// Metadata holds texts of up to 1 MiB, and a group that repeats takes memory for each time.
constexpr std::uint32_t kMostSearchDepth = 5'000'000;
constexpr std::uint32_t kMostSearchHeapKiB = 128 * 1024;
constexpr std::size_t kMostPattern = 16UL * 1024;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using CodePtr = std::unique_ptr<pcre2_code, Freed<pcre2_code_free>>;
using CompileContext = std::unique_ptr<pcre2_compile_context, Freed<pcre2_compile_context_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, Freed<pcre2_match_context_free>>;
using MatchData = std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>>;

template <typename Owner>
Owner made(typename Owner::pointer object) {
  if (object == nullptr) throw std::bad_alloc();
  return Owner(object);
}

PCRE2_SPTR units(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.empty() ? "" : text.data());
}

constexpr std::uint32_t kAlways = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C;

CodePtr compile(std::string_view pattern, std::uint32_t options, std::uint32_t extra = 0) {
  const auto context = made<CompileContext>(pcre2_compile_context_create(nullptr));
  pcre2_set_max_pattern_length(context.get(), kMostPattern);
  pcre2_set_compile_extra_options(context.get(), extra);
  int error = 0;
  PCRE2_SIZE offset = 0;
  CodePtr code(
      pcre2_compile(units(pattern), pattern.size(), kAlways | options, &error, &offset, context.get()));
  if (code) return code;
  std::array<PCRE2_UCHAR, 256> message{};
  pcre2_get_error_message(error, message.data(), message.size());
  const std::string said(message.begin(), std::find(message.begin(), message.end(), PCRE2_UCHAR{0}));
  throw PatternError(said + " at character " + std::to_string(offset));
}

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

// The escape that begins `rest` in PCRE2's notation; the number of bytes that it replaces.
std::size_t take_escape(std::string_view rest, std::string& into) {
  const char letter = rest.size() > 1 ? rest[1] : '\0';
  const std::size_t digits = letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
  if (digits != 0 && rest.size() >= 2 + digits && is_hex(rest.substr(2, digits))) {
    into.append("\\x{").append(rest.substr(2, digits)).append("}");
    return 2 + digits;
  }
  if (letter == 'Z') {
    into += "\\z";
    return 2;
  }
  const std::string_view as_it_is = rest.substr(0, 2);
  into += as_it_is;
  return as_it_is.size();
}

// {,n}: literal text to PCRE2 10.42.
bool is_open_count(std::string_view rest) {
  const std::size_t end = rest.find('}');
  return rest.starts_with("{,") && end != std::string_view::npos && end > 2 &&
         rest.substr(2, end - 2).find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

namespace {

MatchContext limited(std::uint32_t steps, std::uint32_t depth, std::uint32_t heap_kib) {
  auto context = made<MatchContext>(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(context.get(), steps);
  pcre2_set_depth_limit(context.get(), depth);
  pcre2_set_heap_limit(context.get(), heap_kib);
  return context;
}

Match run(const pcre2_code* code, std::string_view text, pcre2_match_context* limits) {
  const auto data = made<MatchData>(pcre2_match_data_create_from_pattern(code, nullptr));
  const int result = pcre2_match(code, units(text), text.size(), 0, 0, data.get(), limits);
  if (result >= 0) return Match::yes;
  return result == PCRE2_ERROR_NOMATCH ? Match::no : Match::gave_up;
}

// PCRE2 calls before each item of the pattern. What lies between two calls is one step for each byte that the
// place in the text has moved.
struct Count {
  Steps* steps;
  PCRE2_SIZE at = 0;
};

int count_step(pcre2_callout_block* here, void* data) {
  auto& count = *static_cast<Count*>(data);
  const PCRE2_SIZE at = std::exchange(count.at, here->current_position);
  const PCRE2_SIZE moved =
      here->current_position > at ? here->current_position - at : at - here->current_position;
  return count.steps->take(1 + moved) ? 0 : PCRE2_ERROR_CALLOUT;
}

}  // namespace

struct Pattern::Code {
  CodePtr code;
  MatchContext limits;
};

Pattern::Pattern(std::string_view regexp)
    : code_(std::make_shared<Code>(Code{.code = compile(to_pcre(regexp), PCRE2_UCP | PCRE2_ANCHORED),
                                        .limits = limited(kMostSteps, kMostDepth, kMostHeapKiB)})) {}

Match Pattern::match(std::string_view text) const {
  return run(code_->code.get(), text, code_->limits.get());
}

struct Search::Code {
  CodePtr code;
};

Search::Search(std::string_view regexp)
    : code_(std::make_shared<Code>(Code{compile(regexp,
                                                PCRE2_AUTO_CALLOUT | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX |
                                                    PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF,
                                                PCRE2_EXTRA_ALT_BSUX)})) {}

Match Search::find(std::string_view text, Steps& steps) const {
  const auto limits = limited(limits::kMaxMetadataSteps, kMostSearchDepth, kMostSearchHeapKiB);
  Count count{&steps};
  pcre2_set_callout(limits.get(), count_step, &count);
  if (!steps.take(1 + text.size())) return Match::gave_up;
  return run(code_->code.get(), text, limits.get());
}

std::string to_pcre(std::string_view python) {
  std::string pattern;
  bool in_class = false;
  for (std::size_t at = 0; at < python.size();) {
    const char c = python[at];
    if (c == '\\') {
      at += take_escape(python.substr(at), pattern);
      continue;
    }
    if (!in_class && is_open_count(python.substr(at))) {
      pattern += "{0,";
      at += 2;
      continue;
    }
    in_class = c == '[' || (in_class && c != ']');
    pattern += c;
    ++at;
  }
  return pattern;
}

}  // namespace dync::rules
