#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "ops/admin/options.h"

namespace dync::admin {
namespace {

using namespace std::chrono;

// Reads one piece after the other; once something does not fit, `ok` stays false.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  int digits(std::size_t count, int least, int most) {
    int number = 0;
    const auto piece = rest_.substr(0, count);
    const bool all =
        piece.size() == count && std::ranges::all_of(piece, [](char c) { return c >= '0' && c <= '9'; });
    if (!all) {
      ok_ = false;
      return least;
    }
    std::from_chars(piece.data(), piece.data() + count, number);
    rest_.remove_prefix(count);
    ok_ = ok_ && number >= least && number <= most;
    return number;
  }
  // One of these characters, or 0.
  char any_of(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) return 0;
    const char found = rest_.front();
    rest_.remove_prefix(1);
    return found;
  }
  void need(std::string_view characters) { ok_ = any_of(characters) != 0 && ok_; }
  bool at_end() const { return rest_.empty(); }
  bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

sys_days scan_date(Scanner& scanner, bool& valid) {
  const int y = scanner.digits(4, 1970, 9999);
  scanner.need("-");
  const int m = scanner.digits(2, 1, 12);
  scanner.need("-");
  const int d = scanner.digits(2, 1, 31);
  const year_month_day date{year(y), month(static_cast<unsigned>(m)), day(static_cast<unsigned>(d))};
  valid = scanner.ok() && date.ok();
  return valid ? sys_days(date) : sys_days();
}

// The ledger has milliseconds; more digits are cut off.
milliseconds scan_fraction(Scanner& scanner) {
  int number = scanner.digits(1, 0, 9);
  int digits = 1;
  for (char c = 0; (c = scanner.any_of("0123456789")) != 0; ++digits)
    if (digits < 3) number = number * 10 + (c - '0');
  for (; digits < 3; ++digits) number *= 10;
  return milliseconds(number);
}

minutes scan_offset(Scanner& scanner) {
  if (scanner.any_of("Zz") != 0) return minutes(0);
  const char sign = scanner.any_of("+-");
  if (sign == 0) scanner.need("Z");
  const int hour = scanner.digits(2, 0, 23);
  scanner.need(":");
  const minutes offset = hours(hour) + minutes(scanner.digits(2, 0, 59));
  return sign == '-' ? -offset : offset;
}

milliseconds scan_time(Scanner& scanner) {
  milliseconds time = hours(scanner.digits(2, 0, 23));
  scanner.need(":");
  time += minutes(scanner.digits(2, 0, 59));
  scanner.need(":");
  time += seconds(scanner.digits(2, 0, 60));  // RFC 3339 knows leap seconds
  if (scanner.any_of(".") != 0) time += scan_fraction(scanner);
  return time - scan_offset(scanner);
}

// Not by system_clock, whose nanoseconds end in the year 2262.
std::string text_of(sys_time<milliseconds> when) {
  const sys_days day = floor<days>(when);
  const year_month_day date(day);
  const hh_mm_ss time(when - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return text.data();
}

}  // namespace

std::optional<std::string> parse_time(std::string_view text) {
  Scanner scanner(text);
  bool valid = false;
  const sys_days date = scan_date(scanner, valid);
  milliseconds time{0};
  if (!scanner.at_end()) {
    scanner.need("Tt ");
    time = scan_time(scanner);
  }
  if (!valid || !scanner.ok() || !scanner.at_end()) return std::nullopt;
  return text_of(date + time);
}

}  // namespace dync::admin
