#pragma once

#include "schema/config/config.h"
#include "schema/config/value.h"

// The sections of the file, one reader each. Inside config only; all throw Error.
namespace dync::config {

// "tcp://HOST:PORT"; HOST is *, a name, an IPv4 address or [IPv6]; PORT is 1 to 65535 or *.
std::string read_address(const Value& value);

// `directory` is the config file's: a schema's relative path begins there.
Storage read_storage(const Value& storage, const Path& directory);

// The config file's text in a bundle, and what else it holds. What is no bundle is all text.
std::string_view unbundle(std::string_view text, Named& named);

// Whatever Python's dictConfig takes; never throws for what stands in it.
Logging read_logging(const Value& logging, const Path& directory, Lines& lines);

}  // namespace dync::config
