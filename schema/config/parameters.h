#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "schema/config/config.h"

// Every setting of ours, one row each: what README shows is what parse() does.
namespace dync::config {

enum class Unit { bytes, chunks, seconds, count, path };

struct Parameter {
  const char* key;  // its path in the file: "flow.chunk_size"
  Unit unit;
  std::optional<std::uint64_t> fallback;  // of a number; absent: see fallback_text
  const char* fallback_text;
  std::uint64_t least;  // of a number
  std::uint64_t most;
  void (*set)(Config& config, std::uint64_t value);  // of a number
  const char* reason;
};

std::span<const Parameter> parameters();

// The word for a unit in messages: "bytes".
std::string_view text_of(Unit unit);

// The table as Markdown, with its head, ending in a newline.
std::string parameters_as_markdown();

}  // namespace dync::config
