#include "schema/rules/rules.h"

#include <algorithm>
#include <system_error>

#include "schema/names/text.h"
#include "schema/rules/pattern.h"

namespace dync::rules {
namespace {

using names::quote;
using wire::Code;

struct Rule {
  config::Dropbox dropbox;
  Pattern pattern;
};

// Why no rule took an upload, as far as its sender may know.
Refusal no_rule(std::string_view user, std::string_view name, int line_for_others) {
  if (line_for_others > 0) {
    return {Code::refused, "the dropbox of line " + std::to_string(line_for_others) + " takes names like " +
                               quote(name) + ", but not from user " + quote(user) +
                               "; ask the server's operator to add the user"};
  }
  return {Code::refused,
          "no dropbox takes the name " + quote(name) +
              "; rename the file as the server's rules want it, or ask its operator for a rule"};
}

Refusal gave_up(std::string_view name, int line) {
  return {Code::refused, "the regexp of line " + std::to_string(line) + " takes too long for the name " +
                             quote(name) +
                             "; use a simpler name, and tell the server's operator to simplify the regexp"};
}

bool lets_in(const config::Dropbox& dropbox, std::string_view user) {
  const auto& origins = dropbox.origins;
  return origins.empty() || std::find(origins.begin(), origins.end(), user) != origins.end();
}

Pattern compiled(const config::Config& config, std::size_t index) {
  const config::Dropbox& dropbox = config.storage.dropboxes[index];
  const std::string key = "storage.dropboxes[" + std::to_string(index) + "].regexp";
  const auto line = config.lines.find(key);
  try {
    return Pattern(dropbox.regexp);
  } catch (const PatternError& e) {
    throw config::Error(config.file, line == config.lines.end() ? dropbox.line : line->second, key,
                        quote(dropbox.regexp) + " is no regular expression: " + e.what());
  }
}

}  // namespace

struct Rules::Impl {
  std::vector<Rule> rules;
  std::optional<config::Path> manual;
  std::uint64_t max_metadata = 0;

  // The first rule that takes the name from the user.
  std::variant<const Rule*, Refusal> find(std::string_view user, std::string_view name) const {
    int line_for_others = 0;
    for (const Rule& rule : rules) {
      if (!rule.dropbox.match_file) continue;
      const Match match = rule.pattern.match(name);
      if (match == Match::gave_up) return gave_up(name, rule.dropbox.line);
      if (match == Match::no) continue;
      if (lets_in(rule.dropbox, user)) return &rule;
      if (line_for_others == 0) line_for_others = rule.dropbox.line;
    }
    return no_rule(user, name, line_for_others);
  }

  std::variant<config::Path, Refusal> dropbox_for(std::string_view user, std::string_view name) const {
    const auto found = find(user, name);
    if (const auto* refusal = std::get_if<Refusal>(&found)) return *refusal;
    const config::Dropbox& dropbox = std::get<const Rule*>(found)->dropbox;
    if (dropbox.requires_barcode) {
      const auto barcode = find_barcode(name);
      if (const auto* refusal = std::get_if<Refusal>(&barcode)) return *refusal;
    }
    return dropbox.path;
  }

  std::variant<config::Path, Refusal> passthrough_to(const std::string& word) const {
    if (!manual) {
      return Refusal{Code::refused, "this server takes no passthrough; remove that key from the metadata"};
    }
    std::error_code error;
    const config::Path directory = *manual / word;
    if (std::filesystem::is_directory(directory, error)) return directory;
    return Refusal{Code::refused, "this server has no directory for passthrough " + quote(word) +
                                      "; correct the word, or ask its operator to make the directory"};
  }
};

Rules::Rules(const config::Config& config) : impl_(std::make_unique<Impl>()) {
  const auto& dropboxes = config.storage.dropboxes;
  for (std::size_t i = 0; i < dropboxes.size(); ++i) {
    impl_->rules.push_back({.dropbox = dropboxes[i], .pattern = compiled(config, i)});
  }
  impl_->manual = config.storage.manual;
  impl_->max_metadata = config.limits.max_metadata;
}

Rules::Rules(Rules&&) noexcept = default;
Rules& Rules::operator=(Rules&&) noexcept = default;
Rules::~Rules() = default;

std::variant<Destination, Refusal> Rules::judge(std::string_view user, std::string_view name,
                                                std::string_view metadata) const {
  if (auto refusal = check_name(name)) return *refusal;
  const auto clean = clean_name(name);
  if (const auto* refusal = std::get_if<Refusal>(&clean)) return *refusal;
  const auto read = parse_metadata(metadata, impl_->max_metadata);
  if (const auto* refusal = std::get_if<Refusal>(&read)) return *refusal;
  const auto& keys = std::get<Metadata>(read);
  const auto directory =
      keys.passthrough ? impl_->passthrough_to(*keys.passthrough) : impl_->dropbox_for(user, name);
  if (const auto* refusal = std::get_if<Refusal>(&directory)) return *refusal;
  return Destination{.directory = std::get<config::Path>(directory),
                     .clean_name = std::get<std::string>(clean),
                     .untar = keys.untar,
                     .passthrough = keys.passthrough.has_value()};
}

}  // namespace dync::rules
