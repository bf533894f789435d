#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace dync::service {

enum class Level : std::uint8_t { debug = 0, info = 1, warning = 2, error = 3 };

// key=value in a log line. Text with spaces, quotes or control characters is quoted and escaped, so that a
// client's words can't forge a line.
struct Field {
  Field(std::string_view name, std::string_view text);
  Field(std::string_view name, const char* text) : Field(name, std::string_view(text)) {}
  Field(std::string_view name, const std::string& text) : Field(name, std::string_view(text)) {}
  template <typename Integer>
  requires std::is_integral_v<Integer> Field(std::string_view name, Integer number)
      : key(name), value(std::to_string(number)) {}

  std::string key;
  std::string value;  // ready to print
};

// A line is a fixed event name, then its fields: `upload.opened upload=… user=lab1`. An upload's lines all
// carry upload=ID, so that one grep follows it across the processes.
class Log {
 public:
  using Sink = std::function<void(Level, const std::string& line)>;
  explicit Log(Sink sink, Level least = Level::info) : sink_(std::move(sink)), least_(least) {}

  void show_from(Level least) { least_ = least; }
  void write(Level level, std::string_view event, std::initializer_list<Field> fields = {}) const;
  void debug(std::string_view event, std::initializer_list<Field> fields = {}) const {
    write(Level::debug, event, fields);
  }
  void info(std::string_view event, std::initializer_list<Field> fields = {}) const {
    write(Level::info, event, fields);
  }
  void warning(std::string_view event, std::initializer_list<Field> fields = {}) const {
    write(Level::warning, event, fields);
  }
  void error(std::string_view event, std::initializer_list<Field> fields = {}) const {
    write(Level::error, event, fields);
  }

 private:
  Sink sink_;
  Level least_;
};

// Writes to standard error: a program that is run by hand.
Log::Sink to_standard_error();

}  // namespace dync::service
