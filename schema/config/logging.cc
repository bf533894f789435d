#include <algorithm>
#include <array>
#include <optional>

#include "schema/config/parts.h"

namespace dync::config {
namespace {

// Python's levels; the ones that we do not have become the next one that we have.
std::string level_of(const Value& level, const std::string& fallback) {
  std::string name = level.text_or("");
  if (level.node().kind == Kind::integer) {
    const std::uint64_t number = level.number_or(20);
    name = number <= 10 ? "DEBUG" : number <= 20 ? "INFO" : number <= 30 ? "WARNING" : "ERROR";
  }
  constexpr std::array<std::pair<const char*, const char*>, 8> kLevels = {{{"NOTSET", "DEBUG"},
                                                                           {"DEBUG", "DEBUG"},
                                                                           {"INFO", "INFO"},
                                                                           {"WARN", "WARNING"},
                                                                           {"WARNING", "WARNING"},
                                                                           {"ERROR", "ERROR"},
                                                                           {"CRITICAL", "ERROR"},
                                                                           {"FATAL", "ERROR"}}};
  for (const auto& [python, ours] : kLevels) {
    if (name == python) return ours;
  }
  return fallback;
}

// A part of a map, or something absent where there is no map.
std::optional<Value> part(const std::optional<Value>& map, std::string_view name) {
  if (!map || !map->is_map()) return std::nullopt;
  return map->at(name);
}

bool is_used_by_root(const std::optional<Value>& root, const std::string& handler) {
  const auto used = part(root, "handlers");
  if (!used || used->node().kind != Kind::list) return false;
  const auto& items = used->node().items;
  return std::any_of(items.begin(), items.end(), [&](const NodePtr& item) { return item->text == handler; });
}

// The handler with a file name; one that root uses goes first.
std::optional<Value> file_handler(const std::optional<Value>& handlers, const std::optional<Value>& root) {
  std::optional<Value> found;
  if (!handlers || !handlers->is_map()) return found;
  for (const Entry& entry : handlers->node().entries) {
    auto handler = part(handlers, entry.key);
    const auto name = part(handler, "filename");
    if (!name || name->text_or("").empty()) continue;
    if (is_used_by_root(root, entry.key)) return handler;
    if (!found) found = handler;
  }
  return found;
}

}  // namespace

Logging read_logging(const Value& logging, const Path& directory, Lines& lines) {
  Logging read;
  const auto root = part(logging, "root");
  if (const auto level = part(root, "level"); level && !level->absent()) {
    read.level = level_of(*level, read.level);
    lines[level->key()] = level->line();
  }
  const auto handler = file_handler(part(logging, "handlers"), root);
  if (!handler) return read;
  lines["logging.handlers"] = handler->line();
  constexpr std::uint64_t kMostBackups = 10'000;
  read.file = directory / handler->at("filename").text_or("");
  read.max_bytes = handler->at("maxBytes").number_or(0);
  read.backups = static_cast<int>(std::min(handler->at("backupCount").number_or(0), kMostBackups));
  return read;
}

}  // namespace dync::config
