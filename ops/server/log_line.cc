#include <array>
#include <cstddef>

#include "ops/server/log_writer.h"

namespace dync::server {
namespace {

using service::Level;

struct Words {
  std::string_view padded;
  std::string_view priority;  // sd-daemon(3)
};

Words words_of(Level level) {
  switch (level) {
    case Level::debug:
      return {"DEBUG", "<7>"};
    case Level::info:
      return {"INFO ", "<6>"};
    case Level::warning:
      return {"WARN ", "<4>"};
    case Level::error:
      return {"ERROR", "<3>"};
  }
  return {"ERROR", "<3>"};
}

void append_plain(std::string& line, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      line += c;
    } else {
      line += "\\x";
      line += kHex[byte >> 4];
      line += kHex[byte & 15];
    }
  }
}

}  // namespace

std::string log_line(std::string_view time, Level level, std::string_view process, std::string_view text) {
  std::string line(time);
  line += ' ';
  line += words_of(level).padded;
  line += ' ';
  line += process;
  line += ' ';
  append_plain(line, text);
  return line;
}

std::string journal_line(Level level, std::string_view process, std::string_view text) {
  std::string line(words_of(level).priority);
  line += process;
  line += ' ';
  append_plain(line, text);
  return line;
}

Level level_of(const config::Logging& logging) {
  if (logging.level == "DEBUG" || logging.level == "NOTSET") return Level::debug;
  if (logging.level == "INFO") return Level::info;
  if (logging.level == "WARNING" || logging.level == "WARN") return Level::warning;
  return Level::error;  // ERROR, CRITICAL, FATAL: nothing of ours is worse than an error
}

}  // namespace dync::server
