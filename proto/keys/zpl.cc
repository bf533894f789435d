#include "proto/keys/zpl.h"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace dync::keys {
namespace {

constexpr std::string_view kSpace = " \t\r\v\f";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string_view without_comment(std::string_view text) {
  return text.substr(0, text.find('#'));
}

// The value that stands behind `=`, or nothing if its quotes are wrong. Keys in Z85 may hold # and =.
std::optional<std::string> value_of(std::string_view text) {
  text = trimmed(text);
  if (text.empty() || (text[0] != '"' && text[0] != '\'')) return std::string(trimmed(without_comment(text)));
  const std::size_t end = text.find(text[0], 1);
  if (end == std::string_view::npos) return std::nullopt;
  if (!trimmed(without_comment(text.substr(end + 1))).empty()) return std::nullopt;
  return std::string(text.substr(1, end - 1));
}

struct Level {
  std::size_t indent;
  std::string path;
};

class Reader {
 public:
  // False if the line is wrong.
  bool line(std::string_view text) {
    const std::size_t indent = text.find_first_not_of(kSpace);
    if (indent == std::string_view::npos || text[indent] == '#') return true;
    const std::size_t equals = text.find_first_of("=#");
    const bool has_value = equals != std::string_view::npos && text[equals] == '=';
    const std::string_view name = trimmed(text.substr(0, equals));
    if (!has_value) {
      open(indent, name);
      return true;
    }
    auto value = value_of(text.substr(equals + 1));
    if (!value) return false;
    properties_.push_back({parent_of(indent) + std::string(name), std::move(*value)});
    return true;
  }

  std::vector<Property> take() { return std::move(properties_); }

 private:
  void open(std::size_t indent, std::string_view name) {
    while (!levels_.empty() && levels_.back().indent >= indent) levels_.pop_back();
    levels_.push_back({indent, parent_of(indent) + std::string(name)});
  }

  // A name with a value has nothing below it, whatever the next line's indentation: people who add a user_id
  // by hand indent it as they like, and pyzmq does not mind.
  std::string parent_of(std::size_t indent) const {
    const auto above = std::find_if(levels_.rbegin(), levels_.rend(),
                                    [indent](const Level& level) { return level.indent < indent; });
    return above == levels_.rend() ? "" : above->path + "/";
  }

  std::vector<Level> levels_;
  std::vector<Property> properties_;
};

}  // namespace

std::variant<std::vector<Property>, Problem> parse_zpl(std::string_view text) {
  Reader reader;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    if (!reader.line(text.substr(0, end))) {
      return Problem{"has a value with wrong quotes in line " + std::to_string(number)};
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return reader.take();
}

}  // namespace dync::keys
