#include "schema/names/published.h"

#include "schema/names/names.h"

namespace dync::names {

std::optional<std::string> marked_item(std::string_view marker_name) {
  const std::string prefix = marker("");
  if (!marker_name.starts_with(prefix) || marker_name.size() == prefix.size()) return std::nullopt;
  return std::string(marker_name.substr(prefix.size()));
}

std::string checksum_line(std::string_view hex, std::string_view item) {
  return std::string(hex).append("\t").append(item);
}

}  // namespace dync::names
