#include "proto/service/log.h"

#include <array>
#include <unistd.h>

#include "proto/posix/process.h"
#include "proto/service/escape.h"

namespace dync::service {
namespace {

std::string_view name_of(Level level) {
  constexpr std::array<std::string_view, 4> kNames{"debug", "info", "warning", "error"};
  return kNames.at(static_cast<std::size_t>(level));
}

}  // namespace

Field::Field(std::string_view name, std::string_view text) : key(name), value(escaped(text)) {}

void Log::write(Level level, std::string_view event, std::initializer_list<Field> fields) const {
  if (level < least_) return;
  std::string line(event);
  for (const auto& field : fields) line.append(" ").append(field.key).append("=").append(field.value);
  sink_(level, line);
}

Log::Sink to_standard_error() {
  return [](Level level, const std::string& line) {
    std::string text = posix::utc_now();
    text.append(" ").append(name_of(level)).append(" ").append(line).append("\n");
    // One write keeps the line whole; where standard error is gone, nobody is left to be told.
    if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;
  };
}

}  // namespace dync::service
