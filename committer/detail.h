#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace dync::committer {

// The detail of an event: a JSON object on one line. Bytes that are no UTF-8 become U+FFFD.
using Detail = std::variant<std::string, std::uint64_t, bool>;
std::string detail(std::initializer_list<std::pair<const char*, Detail>> members);

// What a worker sent as detail, if it is a JSON object; else the text as {"text":…}.
std::string checked_detail(std::string_view text);

}  // namespace dync::committer
