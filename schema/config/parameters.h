#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/config/config.h"

// Every setting, one row each: what README shows is what parse() does, `dync-server check` tells and a reload
// compares. The keys of one dropbox and the parts of `logging` stand in their readers.
namespace dync::config {

enum class Unit { bytes, chunks, seconds, count, path, other };

// Whether a running server takes a changed value over at SIGHUP.
enum class Takes { reload, restart };

struct Parameter {
  const char* key;  // its path in the file: "flow.chunk_size"
  Unit unit;
  std::optional<std::uint64_t> fallback;  // of a number; absent: see fallback_text
  const char* fallback_text;
  std::uint64_t least;  // of a number
  std::uint64_t most;
  const char* range_text;                            // of anything else
  void (*set)(Config& config, std::uint64_t value);  // of a number
  std::string (*get)(const Config& config);          // as text; empty: not set
  Takes takes;
  const char* reason;
};

std::span<const Parameter> parameters();

// The word for a unit in messages: "bytes".
std::string_view text_of(Unit unit);

// The value as people read it: "1048576 bytes (1 MiB)"; of what is not set: its default.
std::string shown(const Parameter& row, const Config& config);

// The table as Markdown, with its head, ending in a newline.
std::string parameters_as_markdown();

// What differs between two configurations, by key; a schema file by its name.
struct Changes {
  std::vector<std::string> reloadable;
  std::vector<std::string> need_restart;
};
Changes changes(const Config& running, const Config& next);

}  // namespace dync::config
