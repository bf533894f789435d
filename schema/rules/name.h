#pragma once

#include <string_view>
#include <utility>

// Inside rules only.
namespace dync::rules {

inline constexpr std::string_view kCleanCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";

// Stem and suffix as Python's os.path.splitext has them: "a.tar" and ".gz"; ".hidden" and ""; "a" and ".".
std::pair<std::string_view, std::string_view> split_suffix(std::string_view name);

}  // namespace dync::rules
