#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "ops/server/settings.h"
#include "schema/config/parameters.h"
#include "schema/names/text.h"

namespace dync::server {
namespace {

constexpr std::size_t kKeyColumn = 30;
constexpr std::size_t kSourceColumn = 8;
constexpr std::size_t kTakesColumn = 14;

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text + " ";
}

// Where a value comes from: "line 7" of the file, or "default".
std::string source_of(const config::Config& config, std::string_view key) {
  const auto line = config.lines.find(key);
  return line == config.lines.end() ? "default" : "line " + std::to_string(line->second);
}

std::string barcode_of(const config::Dropbox& box) {
  return box.requires_barcode ? "required in the name" : "not required";
}

std::string metadata_of(const config::Dropbox& box) {
  if (box.required_metadata.empty() && !box.schema) return "any JSON object";
  std::string text;
  if (!box.required_metadata.empty()) text = "must have " + names::joined(box.required_metadata);
  if (box.schema)
    text += (text.empty() ? "must fit the schema " : ", and fit the schema ") + box.schema->native();
  return text;
}

std::string octal(mode_t mode) {
  std::string digits;
  for (int shift = 9; shift >= 0; shift -= 3)
    digits += static_cast<char>('0' + ((mode >> static_cast<unsigned>(shift)) & 7U));
  return digits;
}

std::string access_of(const config::Config& config, const config::Dropbox& box) {
  std::string text = box.mode ? "directories " + octal(*box.mode) + ", files " + octal(*box.mode & 0666U)
                              : "as options.umask leaves it";
  if (!box.group) return text;
  const auto id = config.named.groups.find(*box.group);
  return text + ", group " + *box.group +
         (id == config.named.groups.end() ? "" : " (id " + std::to_string(id->second) + ")");
}

void add_dropbox(std::string& text, const config::Config& config, std::size_t index) {
  const config::Dropbox& box = config.storage.dropboxes[index];
  const auto add = [&text](const char* name, const std::string& value) {
    text += "     " + padded(name, 9) + value + "\n";
  };
  text += "  " + std::to_string(index + 1) + ". " + box.path.native() + "  (line " +
          std::to_string(box.line) + ")\n";
  if (!box.match_file) add("off", "match_file is no: it never matches");
  add("names", "that match " + names::quote(box.regexp, box.regexp.size()));
  add("users", box.origins.empty() ? "all" : "only " + names::joined(box.origins));
  add("barcode", barcode_of(box));
  add("metadata", metadata_of(box));
  add("access", access_of(config, box));
}

void add_dropboxes(std::string& text, const config::Config& config) {
  const std::size_t count = config.storage.dropboxes.size();
  text += count == 0 ? "\nno dropboxes: nothing but passthrough is accepted\n"
                     : "\ndropboxes: the first whose names and users fit takes the file\n";
  for (std::size_t i = 0; i < count; ++i) add_dropbox(text, config, i);
}

std::string passthrough_of(const config::Config& config) {
  if (!config.storage.manual) return "refused: storage.manual is not set";
  std::error_code error;
  if (!std::filesystem::is_directory(*config.storage.manual, error))
    return "refused: " + config.storage.manual->native() + " is no directory";
  return "to the directories in " + config.storage.manual->native();
}

void add_settings(std::string& text, const config::Config& config) {
  const auto add = [&text](std::string key, std::string from, std::string takes, const std::string& value) {
    text += padded(std::move(key), kKeyColumn) + padded(std::move(from), kSourceColumn) +
            padded(std::move(takes), kTakesColumn) + value + "\n";
  };
  text += "\n";
  add("setting", "from", "changed by", "value");
  for (const config::Parameter& row : config::parameters()) {
    if (std::string_view(row.key) == "storage.dropboxes") continue;  // told above
    std::string value = config::shown(row, config);
    value.erase(std::remove(value.begin(), value.end(), '`'), value.end());  // Markdown's
    add(row.key, source_of(config, row.key), row.takes == config::Takes::reload ? "reload" : "restart",
        value);
  }
}

}  // namespace

std::string describe(const Settings& settings) {
  const config::Config& config = settings.config;
  std::string text = config.file.native() + " can be used\n";
  add_dropboxes(text, config);
  text += "\npassthrough  " + passthrough_of(config) + "\n";
  text += "client keys  " + std::to_string(settings.client_keys) + " valid";
  if (!settings.problems.empty()) text += ", " + std::to_string(settings.problems.size()) + " skipped";
  text += "\n";
  add_settings(text, config);
  return text;
}

}  // namespace dync::server
