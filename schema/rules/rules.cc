#include "schema/rules/rules.h"

#include <algorithm>
#include <map>
#include <system_error>

#include "schema/names/text.h"
#include "schema/rules/demands.h"
#include "schema/rules/pattern.h"

namespace dync::rules {
namespace {

using names::quote;
using wire::Code;

struct Rule {
  config::Dropbox dropbox;
  Pattern pattern;
  Demands demands;
  Access access;
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

Refusal unmet_demands(const std::string& unmet, int line) {
  return {Code::refused, "the metadata " + unmet + " (as JSON pointers; demanded by the dropbox of line " +
                             std::to_string(line) + ")"};
}

// Where the data goes, and who may read it there.
struct Target {
  config::Path directory;
  Access access;
  std::optional<config::Path> staging;
};

bool lets_in(const config::Dropbox& dropbox, std::string_view user) {
  const auto& origins = dropbox.origins;
  return origins.empty() || std::find(origins.begin(), origins.end(), user) != origins.end();
}

// Compiles what the config says in text.
class Compiler {
 public:
  explicit Compiler(const config::Config& config) : config_(config) {}

  Rule rule(std::size_t index) {
    const config::Dropbox& dropbox = config_.storage.dropboxes[index];
    return {.dropbox = dropbox,
            .pattern = pattern(index),
            .demands = Demands(dropbox.required_metadata, schema(index)),
            .access = {.mode = dropbox.mode, .group = group(dropbox)}};
  }

 private:
  [[noreturn]] void refuse(std::size_t index, const char* name, const std::string& sentence) const {
    const std::string key = config::dropbox_key(index, name);
    const auto line = config_.lines.find(key);
    const int of_dropbox = config_.storage.dropboxes[index].line;
    throw config::Error(config_.file, line == config_.lines.end() ? of_dropbox : line->second, key, sentence);
  }

  Pattern pattern(std::size_t index) const {
    const std::string& regexp = config_.storage.dropboxes[index].regexp;
    try {
      return Pattern(regexp);
    } catch (const PatternError& e) {
      refuse(index, "regexp", quote(regexp) + " is no regular expression: " + e.what());
    }
  }

  std::shared_ptr<const Schema> schema(std::size_t index) {
    const auto& file = config_.storage.dropboxes[index].schema;
    if (!file) return nullptr;
    if (const auto known = schemas_.find(*file); known != schemas_.end()) return known->second;
    const auto text = config_.named.schemas.find(*file);
    if (text == config_.named.schemas.end()) refuse(index, "schema", file->native() + " was not read");
    try {
      return schemas_[*file] = std::make_shared<const Schema>(read_schema(text->second));
    } catch (const SchemaError& e) {
      refuse(index, "schema", file->native() + ": " + e.what());
    }
  }

  std::optional<gid_t> group(const config::Dropbox& dropbox) const {
    if (!dropbox.group) return std::nullopt;
    const auto found = config_.named.groups.find(*dropbox.group);
    return found == config_.named.groups.end() ? std::nullopt : std::optional(found->second);
  }

  const config::Config& config_;
  std::map<config::Path, std::shared_ptr<const Schema>> schemas_;
};

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

  std::variant<Target, Refusal> dropbox_for(std::string_view user, std::string_view name,
                                            std::string_view metadata) const {
    const auto found = find(user, name);
    if (const auto* refusal = std::get_if<Refusal>(&found)) return *refusal;
    const Rule& rule = *std::get<const Rule*>(found);
    if (rule.dropbox.requires_barcode) {
      const auto barcode = find_barcode(name);
      if (const auto* refusal = std::get_if<Refusal>(&barcode)) return *refusal;
    }
    if (const auto unmet = rule.demands.unmet(metadata)) return unmet_demands(*unmet, rule.dropbox.line);
    return Target{rule.dropbox.path, rule.access, rule.dropbox.staging};
  }

  std::variant<Target, Refusal> passthrough_to(const std::string& word) const {
    if (!manual) {
      return Refusal{Code::refused, "this server takes no passthrough; remove that key from the metadata"};
    }
    std::error_code error;
    const config::Path directory = *manual / word;
    if (std::filesystem::is_directory(directory, error)) return Target{directory, {}, {}};
    return Refusal{Code::refused, "this server has no directory for passthrough " + quote(word) +
                                      "; correct the word, or ask its operator to make the directory"};
  }
};

Rules::Rules(const config::Config& config) : impl_(std::make_unique<Impl>()) {
  Compiler compiler(config);
  for (std::size_t i = 0; i < config.storage.dropboxes.size(); ++i) impl_->rules.push_back(compiler.rule(i));
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
  const auto found =
      keys.passthrough ? impl_->passthrough_to(*keys.passthrough) : impl_->dropbox_for(user, name, metadata);
  if (const auto* refusal = std::get_if<Refusal>(&found)) return *refusal;
  const auto& target = std::get<Target>(found);
  return Destination{.directory = target.directory,
                     .access = target.access,
                     .staging = target.staging,
                     .clean_name = std::get<std::string>(clean),
                     .untar = keys.untar,
                     .passthrough = keys.passthrough.has_value()};
}

}  // namespace dync::rules
