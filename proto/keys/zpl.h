#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/keys/certificate.h"

// The ZeroMQ Property Language (ZeroMQ RFC 4), as much as certificates need: indented names, values after
// `=`, ' or " around a value, # begins a comment outside of quotes. Inside proto/keys only.
namespace dync::keys {

struct Property {
  std::string path;   // "curve/public-key"
  std::string value;  // without its quotes
};

std::variant<std::vector<Property>, Problem> parse_zpl(std::string_view text);

}  // namespace dync::keys
