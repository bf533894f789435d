#pragma once

#include <string>
#include <variant>
#include <vector>

#include "client/options.h"

namespace dync::client {

struct Unresolved {
  std::string sentence;
};

// The address families in which the server can be tried, IPv4 first: "is it IPv6?" for each.
std::variant<std::vector<bool>, Unresolved> families_of(const ServerAddress& server);

// Why a TCP connection to it fails now, in words. Waits two seconds at most.
std::string why_unreachable(const ServerAddress& server, bool ipv6);

}  // namespace dync::client
