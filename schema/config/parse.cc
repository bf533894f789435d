#include <algorithm>
#include <array>
#include <span>

#include "schema/config/config.h"
#include "schema/config/parameters.h"
#include "schema/config/parts.h"
#include "schema/limits/limits.h"
#include "schema/names/names.h"
#include "schema/names/text.h"

namespace dync::config {
namespace {

constexpr std::size_t kMostSocketPath = 107;  // sockaddr_un, less the final zero

std::string place(const Path& file, int line, std::string_view key) {
  std::string text = file.native();
  if (line > 0) text += ":" + std::to_string(line);
  if (!key.empty()) text.append(": ").append(key);
  return text + ": ";
}

// The value of a dotted key.
Value find(const Value& root, std::string_view key) {
  const std::size_t dot = key.find('.');
  if (dot == std::string_view::npos) return root.at(key);
  return root.at(key.substr(0, dot)).at(key.substr(dot + 1));
}

// "flow" of "flow.budget"; the key itself where it stands alone.
std::string_view section_of(std::string_view key) {
  return key.substr(0, key.find('.'));
}

// What the original knew, each with a reader of its own.
constexpr std::array<std::string_view, 4> kOriginals = {"options", "address", "storage", "logging"};

void allow_known(const Value& root) {
  std::vector<std::string_view> top(kOriginals.begin(), kOriginals.end());
  for (const Parameter& row : parameters()) {
    const std::string_view section = section_of(row.key);
    if (std::find(top.begin(), top.end(), section) == top.end()) top.push_back(section);
  }
  root.allow(top);
  root.at("options").allow({"pidfile", "umask"});
  for (const std::string_view section : std::span(top).subspan(kOriginals.size())) {
    std::vector<std::string_view> names;
    for (const Parameter& row : parameters()) {
      const std::string_view key = row.key;
      if (section_of(key) == section && key != section) names.push_back(key.substr(section.size() + 1));
    }
    if (!names.empty()) root.at(section).allow(names);
  }
}

void read_numbers(const Value& root, Config& config) {
  for (const Parameter& row : parameters()) {
    if (row.set == nullptr) continue;
    const Value value = find(root, row.key);
    if (value.absent()) {
      if (row.fallback) row.set(config, *row.fallback);
    } else {
      row.set(config, value.number(row.least, row.most, text_of(row.unit)));
      config.lines[row.key] = value.line();
    }
  }
}

void check_metadata_fits(const Value& root, const Config& config) {
  const std::uint64_t most = std::max<std::uint64_t>(config.flow.chunk_size, limits::kFrameOverhead);
  if (config.limits.max_metadata <= most) return;
  find(root, "limits.max_metadata")
      .refuse("is " + std::to_string(config.limits.max_metadata) + "; with this flow.chunk_size it may be " +
              std::to_string(most) + " at most");
}

void read_options(const Value& options, const Path& directory, Config& config) {
  if (const Value pidfile = options.at("pidfile"); !pidfile.absent()) {
    config.pidfile = directory / pidfile.text();
    config.lines[pidfile.key()] = pidfile.line();
  }
  const Value umask = options.at("umask");
  if (umask.absent()) return;
  config.lines[umask.key()] = umask.line();
  constexpr std::uint64_t kMostUmask = 0777;
  const bool octal_text = umask.node().kind == Kind::text;
  if (octal_text)
    umask.refuse(names::quote(umask.node().text) +
                 " is a text; write an octal number such as 0077, without quotes");
  config.umask = static_cast<mode_t>(umask.number(0, kMostUmask, ""));
}

void read_paths(const Value& root, const Path& home, Config& config) {
  const auto path_of = [&](const char* key, const Path& fallback) {
    const Value value = find(root, key);
    if (value.absent()) return fallback;
    config.lines[value.key()] = value.line();
    return value.absolute_path();
  };
  config.keys_dir = path_of("keys.dir", home / names::kDotDir);
  config.ledger = path_of("ledger", config.storage.path / names::kLedger);
  const Value runtime = root.at("runtime_dir");
  if (runtime.absent()) return;
  config.runtime_dir = path_of("runtime_dir", {});
  const Path longest = names::hasher_socket(*config.runtime_dir, config.workers.hashers - 1);
  const std::size_t more =
      std::max(longest.native().size(), names::committer_socket(*config.runtime_dir).native().size());
  if (more <= kMostSocketPath) return;
  runtime.refuse("is " + std::to_string(more - kMostSocketPath) +
                 " bytes too long for the sockets in it, whose paths end at " +
                 std::to_string(kMostSocketPath) + " bytes; choose a shorter one");
}

void note_lines(const Value& storage, Config& config) {
  for (const char* name : {"tmp_dir", "path", "manual", "dropboxes"}) {
    if (const Value value = storage.at(name); !value.absent()) config.lines[value.key()] = value.line();
  }
  for (const Value& dropbox : storage.at("dropboxes").items()) {
    for (const char* name : {"path", "regexp", "schema", "group"}) {
      const Value value = dropbox.at(name);
      config.lines[value.key()] = value.line();
    }
  }
}

}  // namespace

Error::Error(const Path& file, int line, std::string_view key, std::string_view sentence)
    : std::runtime_error(place(file, line, key).append(sentence)) {}

Config parse(std::string_view text, const Path& file, const Path& home) {
  Config config{};
  const Value root(file, read_yaml(unbundle(text, config.named), file));
  allow_known(root);
  config.file = file;
  config.address = read_address(root.at("address"));
  if (const Value address = root.at("address"); !address.absent())
    config.lines[address.key()] = address.line();
  read_options(root.at("options"), file.parent_path(), config);
  config.storage = read_storage(root.at("storage"), file.parent_path());
  note_lines(root.at("storage"), config);
  config.logging = read_logging(root.at("logging"), file.parent_path(), config.lines);
  read_numbers(root, config);
  check_metadata_fits(root, config);
  read_paths(root, home, config);
  return config;
}

}  // namespace dync::config
