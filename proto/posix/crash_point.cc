#include "proto/posix/crash_point.h"

#ifdef DYNC_CRASH_POINTS

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

namespace dync::posix {
namespace {

struct Point {
  std::string_view name;
  int passes_left = 1;
};

std::string_view variable(const char* name) {
  const char* text = std::getenv(name);
  return text ? std::string_view(text) : std::string_view{};
}

Point parse(std::string_view text) {
  Point point{text};
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return point;
  std::from_chars(text.data() + colon + 1, text.data() + text.size(), point.passes_left);
  point.name = text.substr(0, colon);
  return point;
}

std::vector<Point> parse_all(std::string_view rest) {
  std::vector<Point> points;
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    points.push_back(parse(rest.substr(0, comma)));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return points;
}

bool is_token(std::string_view file, std::string_view point) {
  return file == point || (file.starts_with(point) && file.substr(point.size()).starts_with('.') &&
                           file.find('.', point.size() + 1) == std::string_view::npos);
}

// Several may come here at once, in this process and others: who removes the file has it.
bool take_token(const std::filesystem::path& directory, std::string_view point) {
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(directory, problem))
    if (is_token(entry.path().filename().native(), point) && ::unlink(entry.path().c_str()) == 0) return true;
  return false;
}

constexpr std::string_view kEvery = "*";

// What this process still has to pass.
struct State {
  std::mutex mutex;
  std::string wanted;  // the variable's text, and its points with their passes
  std::vector<Point> points;
  std::set<std::string, std::less<>> claimed;

  // A test may set the variable in a child of its own, after points were passed.
  void look() {
    const std::string_view now = variable("DYNC_CRASH_AT");
    if (now == wanted) return;
    wanted = now;
    points = parse_all(wanted);
  }
};

State& state() {
  static State state;
  return state;
}

bool may_die(const State& state, const Point& point, std::string_view name) {
  if (state.claimed.contains(name)) return true;
  const std::string_view tokens = variable("DYNC_CRASH_TOKENS");
  return tokens.empty() ? point.name != kEvery : take_token(tokens, name);
}

}  // namespace

void crash_point(const char* name) {
  State& own = state();
  const std::lock_guard lock(own.mutex);
  own.look();
  for (Point& point : own.points) {
    if ((point.name != name && point.name != kEvery) || --point.passes_left > 0) continue;
    if (may_die(own, point, name)) ::kill(::getpid(), SIGKILL);
    point.passes_left = 1;  // where a token still comes, the next pass counts
  }
}

void claim_crash_tokens(std::span<const char* const> names) {
  State& own = state();
  const std::lock_guard lock(own.mutex);
  const std::string_view tokens = variable("DYNC_CRASH_TOKENS");
  for (const char* name : names)
    if (!tokens.empty() && take_token(tokens, name)) own.claimed.emplace(name);
}

std::uint64_t test_value(const char* name, std::uint64_t usual) {
  const std::string_view text = variable(name);
  std::from_chars(text.data(), text.data() + text.size(), usual);
  return usual;
}

std::string test_value(const char* name, std::string usual) {
  const std::string_view text = variable(name);
  return text.empty() ? std::move(usual) : std::string(text);
}

}  // namespace dync::posix

#endif
