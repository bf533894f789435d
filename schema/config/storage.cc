#include "schema/config/parts.h"
#include "schema/names/text.h"

namespace dync::config {
namespace {

constexpr std::size_t kMostDropboxes = 1000;
constexpr std::size_t kMostOrigins = 10'000;  // of one dropbox

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

Dropbox read_dropbox(const Value& value) {
  value.allow({"regexp", "path", "origin", "requires_barcode", "match_file", "match_dir"});
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
  return dropbox;
}

}  // namespace

Storage read_storage(const Value& value) {
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
  for (const Value& item : items) storage.dropboxes.push_back(read_dropbox(item));
  return storage;
}

}  // namespace dync::config
