#include "schema/config/parts.h"
#include "schema/names/text.h"

namespace dync::config {
namespace {

constexpr std::size_t kMostDropboxes = 1000;
constexpr std::size_t kMostOrigins = 10'000;  // of one dropbox
constexpr std::size_t kMostRequired = 1000;   // of one dropbox

Path required_path(const Value& value) {
  if (value.absent()) value.refuse("is missing; name an existing directory by its absolute path");
  return value.absolute_path();
}

// The original also took one name where a list is meant.
std::vector<std::string> read_origins(const Value& value) {
  if (value.absent()) return {};
  if (value.node().kind == Kind::text) return {value.text()};
  const std::vector<Value> items = value.items();
  if (items.empty()) value.refuse("is empty; list the users, or remove the key to let everybody in");
  if (items.size() > kMostOrigins) value.refuse("lists more than " + std::to_string(kMostOrigins) + " users");
  std::vector<std::string> origins;
  origins.reserve(items.size());
  for (const Value& item : items) origins.push_back(item.text());
  return origins;
}

// The bits that every directory of ours needs: the server itself renames it.
constexpr mode_t kOwnerAll = 0700;
constexpr mode_t kEverybodyAll = 0777;

mode_t read_mode(const Value& value) {
  const auto& number = value.node().scalar.number;
  const bool fits = value.node().kind == Kind::integer && number && *number >= 0 &&
                    *number <= kEverybodyAll && (static_cast<mode_t>(*number) & kOwnerAll) == kOwnerAll;
  if (fits) return static_cast<mode_t>(*number);
  value.refuse(names::quote(value.node().text) +
               " is no mode of a directory; write an octal number with a leading zero, from 0700 to 0777 and "
               "with all of 0700, such as 0770, without quotes");
}

// A number is taken as it is written: Python would read 0123 as an octal one, which nobody means here.
std::string read_group(const Value& value) {
  if (value.node().kind == Kind::integer &&
      value.node().text.find_first_not_of("0123456789") == std::string::npos)
    return value.node().text;
  return value.text();
}

std::vector<std::string> read_required(const Value& value) {
  if (value.node().kind == Kind::text) return {value.text()};
  const std::vector<Value> items = value.items();
  if (items.size() > kMostRequired)
    value.refuse("lists more than " + std::to_string(kMostRequired) + " keys");
  std::vector<std::string> keys;
  keys.reserve(items.size());
  for (const Value& item : items) keys.push_back(item.text());
  return keys;
}

void read_demands(const Value& value, const Path& directory, Dropbox& dropbox) {
  dropbox.required_metadata = read_required(value.at("required_metadata"));
  if (const Value schema = value.at("schema"); !schema.absent())
    dropbox.schema = (directory / schema.text()).lexically_normal();
  if (const Value mode = value.at("mode"); !mode.absent()) dropbox.mode = read_mode(mode);
  if (const Value group = value.at("group"); !group.absent()) dropbox.group = read_group(group);
  if (const Value staging = value.at("staging"); !staging.absent()) dropbox.staging = staging.absolute_path();
}

Dropbox read_dropbox(const Value& value, const Path& directory) {
  value.allow({"regexp", "path", "origin", "requires_barcode", "match_file", "match_dir", "required_metadata",
               "schema", "mode", "group", "staging"});
  if (value.absent()) value.refuse("is empty; give it regexp and path");
  Dropbox dropbox;
  dropbox.line = value.line();
  const Value regexp = value.at("regexp");
  if (regexp.absent()) regexp.refuse("is missing; write the regular expression that a name must match");
  dropbox.regexp = regexp.text();
  dropbox.path = required_path(value.at("path"));
  dropbox.origins = read_origins(value.at("origin"));
  // Python would take an empty value for "no", which nobody means who wrote the key.
  const auto flag = [&](const char* name, bool fallback) {
    for (const Entry& entry : value.node().entries) {
      if (entry.key == name) return value.at(name).flag();
    }
    return fallback;
  };
  dropbox.requires_barcode = flag("requires_barcode", true);
  dropbox.match_file = flag("match_file", true);
  read_demands(value, directory, dropbox);
  return dropbox;
}

}  // namespace

std::string dropbox_key(std::size_t index, const char* name) {
  return "storage.dropboxes[" + std::to_string(index) + "]." + name;
}

Storage read_storage(const Value& value, const Path& directory) {
  value.allow({"tmp_dir", "path", "manual", "storage", "dropboxes"});
  Storage storage;
  storage.tmp_dir = required_path(value.at("tmp_dir"));
  storage.path = required_path(value.at("path"));
  if (const Value manual = value.at("manual"); !manual.absent()) storage.manual = manual.absolute_path();
  const Value dropboxes = value.at("dropboxes");
  const std::vector<Value> items = dropboxes.items();
  if (items.size() > kMostDropboxes) {
    dropboxes.refuse("lists more than " + std::to_string(kMostDropboxes) + " dropboxes");
  }
  for (const Value& item : items) storage.dropboxes.push_back(read_dropbox(item, directory));
  return storage;
}

}  // namespace dync::config
