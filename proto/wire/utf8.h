#pragma once

#include <string>
#include <string_view>

// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
namespace dync::wire {

bool valid_utf8(std::string_view text);

// `text` itself if it is valid, else with U+FFFD for each byte that is none. Paths and system messages may
// hold any bytes; what goes to a peer as text must not.
std::string to_utf8(std::string_view text);

}  // namespace dync::wire
