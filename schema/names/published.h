#pragma once

#include <optional>
#include <string>
#include <string_view>

// Names in a dropbox, read back, and what is written under one; how they are formed stands in
// names.h.
namespace dync::names {

// The item that a marker of this name announces; nothing if it is no marker's name.
std::optional<std::string> marked_item(std::string_view marker_name);

// The content of ITEM.sha256sum, as sha256sum -c reads it.
std::string checksum_line(std::string_view hex, std::string_view item);

}  // namespace dync::names
