#include "ops/admin/text.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "schema/names/text.h"

namespace dync::admin {
namespace {

std::string hex(const char* prefix, std::size_t digits, std::uint32_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = prefix;
  for (std::size_t left = digits; left > 0; --left) text += kDigits[(value >> (4 * (left - 1))) & 15];
  return text;
}

// Columns of a terminal, counting each code point as one: good enough for names.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void pad(std::string& line, std::size_t columns) {
  line.append(columns, ' ');
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  for (std::size_t at = 0; at < text.size();) {
    const auto point = names::code_point_at(text, at);
    if (point.length == 0) {
      shown += hex("\\x", 2, static_cast<unsigned char>(text[at]));
      ++at;
      continue;
    }
    const bool control = point.value < 0x20 || (point.value >= 0x7f && point.value < 0xa0);
    if (control || names::is_deceptive(point.value)) {
      shown += point.value < 0x100 ? hex("\\x", 2, point.value) : hex("\\u", 4, point.value);
    } else {
      shown += text.substr(at, point.length);
    }
    at += point.length;
  }
  return shown;
}

std::string human_size(std::uint64_t bytes) {
  constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %s", value, kUnits[unit]);
  return text.data();
}

std::string human_time(std::uint64_t seconds) {
  constexpr std::uint64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
  if (seconds >= 2 * kDay) return std::to_string(seconds / kDay) + " d";
  if (seconds >= 2 * kHour) return std::to_string(seconds / kHour) + " h";
  if (seconds >= 2 * kMinute) return std::to_string(seconds / kMinute) + " min";
  return std::to_string(seconds) + " s";
}

Table::Table(std::vector<std::string> head, std::vector<Align> alignment) : alignment_(std::move(alignment)) {
  alignment_.resize(head.size(), Align::left);
  rows_.push_back(std::move(head));
}

void Table::add(std::vector<std::string> row) {
  row.resize(alignment_.size());
  rows_.push_back(std::move(row));
}

std::string Table::text() const {
  std::vector<std::size_t> widths(alignment_.size());
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::size_t space = widths[i] - width(row[i]);
      if (i > 0) pad(line, 2);
      if (alignment_[i] == Align::right) pad(line, space);
      line += row[i];
      if (alignment_[i] == Align::left && i + 1 < row.size()) pad(line, space);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string pairs(const std::vector<std::pair<std::string, std::string>>& lines) {
  std::size_t widest = 0;
  for (const auto& [name, value] : lines) widest = std::max(widest, width(name));
  std::string text;
  for (const auto& [name, value] : lines) {
    text += name;
    pad(text, widest - width(name) + 2);
    text += value + "\n";
  }
  return text;
}

}  // namespace dync::admin
