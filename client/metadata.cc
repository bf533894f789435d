#include "client/metadata.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "client/sentences.h"
#include "schema/limits/limits.h"

namespace dync::client {

namespace {

using Json = nlohmann::ordered_json;

// "line 3, column 7" of the byte that is the `position`th, from 1.
std::string place(std::string_view text, std::size_t position) {
  const std::string_view before = text.substr(0, std::min(position == 0 ? 0 : position - 1, text.size()));
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return "line " + std::to_string(lines + 1) + ", column " + std::to_string(before.size() - line_start + 1);
}

// nlohmann's own sentence without its prefix and its way of saying where.
std::string reason(std::string_view what) {
  const std::size_t colon = what.find(": ", what.find(" at line"));
  if (colon != std::string_view::npos) what.remove_prefix(colon + 2);
  return printable(what);
}

// Hears the parser's events only to find what the document's tree would hide: a key that comes twice, and
// nesting beyond the server's limit.
class Watcher : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    keys_.emplace_back();
    return deeper();
  }
  bool end_object() override {
    keys_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override { return deeper(); }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(string_t& name) override {
    if (keys_.back().insert(name).second) return true;
    problem_ = "the key \"" + printable(name) + "\" is there twice";
    return false;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    problem_ = reason(error.what());
    position_ = position;
    return false;
  }

  const std::string& problem() const { return problem_; }
  const std::optional<std::size_t>& position() const { return position_; }

 private:
  bool deeper() {
    if (++depth_ <= limits::kMaxMetadataDepth) return true;
    problem_ = "nested deeper than " + std::to_string(limits::kMaxMetadataDepth) + " levels";
    return false;
  }

  std::vector<std::set<std::string>> keys_;
  std::size_t depth_ = 0;
  std::string problem_;
  std::optional<std::size_t> position_;
};

// Iterates over a text and tells how far the parser has come.
class Counting {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Counting(const char* at, const char** seen) : at_(at), seen_(seen) {}
  reference operator*() const { return *at_; }
  Counting& operator++() {
    *seen_ = ++at_;
    return *this;
  }
  Counting operator++(int) {
    Counting old = *this;
    ++*this;
    return old;
  }
  bool operator==(const Counting& other) const { return at_ == other.at_; }
  bool operator!=(const Counting& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** seen_;
};

std::optional<MetadataProblem> examine(std::string_view text) {
  Watcher watcher;
  const char* seen = text.data();
  const Counting begin(text.data(), &seen);
  const Counting end(text.data() + text.size(), &seen);
  if (Json::sax_parse(begin, end, &watcher)) return std::nullopt;
  const auto position = watcher.position().value_or(static_cast<std::size_t>(seen - text.data()));
  return MetadataProblem{place(text, position) + ": " + watcher.problem()};
}

}  // namespace

std::variant<std::string, MetadataProblem> merge_metadata(std::string_view text, const KeyValues& over) {
  Json object = Json::object();
  if (!text.empty()) {
    if (auto problem = examine(text)) return *problem;
    object = Json::parse(text);
    if (!object.is_object())
      return MetadataProblem{"line 1, column 1: it must be a JSON object: {\"key\": \"value\"}"};
  }
  for (const auto& [key, value] : over) object[key] = value;
  try {
    return object.dump();
  } catch (const Json::exception&) {
    return MetadataProblem{"a key or value is no UTF-8 text"};
  }
}

}  // namespace dync::client
