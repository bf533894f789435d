#pragma once

#include <string>

#include "schema/config/config.h"

namespace dync::config {

inline const Path kFile = "/etc/d.yaml";
inline const Path kHome = "/home/dync";

// The least that a server needs, on three lines.
inline const std::string kLeast = "storage:\n  tmp_dir: /t\n  path: /p\n";

inline Config read(const std::string& text) {
  return parse(text, kFile, kHome);
}

// The whole complaint, without "/etc/d.yaml:"; empty if the text is accepted.
inline std::string complaint(const std::string& text) {
  try {
    read(text);
    return "";
  } catch (const Error& e) {
    const std::string prefix = kFile.native() + ":";
    const std::string what = e.what();
    return what.starts_with(prefix) ? what.substr(prefix.size()) : "unexpected place: " + what;
  }
}

}  // namespace dync::config
