#include "tests/unit/wire/document.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace dync::wire::tests {
namespace {

constexpr std::string_view kFence = "```";
constexpr std::string_view kFrames = "```frames ";
constexpr std::string_view kNote = "  # ";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(' ') - first + 1));
}

std::vector<std::string> cells_of(const std::string& row) {
  std::vector<std::string> cells;
  std::istringstream stream(row.substr(1));
  for (std::string cell; std::getline(stream, cell, '|');) {
    cell.erase(std::remove(cell.begin(), cell.end(), '`'), cell.end());
    cells.push_back(trimmed(cell));
  }
  return cells;
}

bool begins_with(const std::vector<std::string>& row, const std::vector<std::string>& head) {
  return row.size() >= head.size() && std::equal(head.begin(), head.end(), row.begin());
}

}  // namespace

std::optional<std::string> bytes_of_hex(std::string_view hex) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const auto high = kDigits.find(hex[i]), low = kDigits.find(hex[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

Document::Document(std::string text) {
  const std::vector<std::string> lines = lines_of(text);
  bool in_table = false;
  for (std::size_t at = 0; at < lines.size(); ++at) {
    const std::string& line = lines[at];
    const bool row = line.starts_with('|');
    if (line.starts_with(kFence)) {
      take_fenced(lines, at);
    } else if (row && !in_table) {
      tables_.push_back({cells_of(line)});
      ++at;  // the line of dashes
    } else if (row) {
      tables_.back().push_back(cells_of(line));
    } else {
      prose_ += line + '\n';
    }
    in_table = row;
  }
}

// Leaves `at` on the closing fence.
void Document::take_fenced(const std::vector<std::string>& lines, std::size_t& at) {
  const std::string& first = lines[at];
  const bool frames = first.starts_with(kFrames);
  if (frames) examples_.push_back({static_cast<int>(at) + 1, first.substr(kFrames.size()), {}});
  std::string hex;
  for (++at; at < lines.size() && !lines[at].starts_with(kFence); ++at) {
    if (!frames) continue;
    const std::size_t note = lines[at].find(kNote);
    hex += lines[at].substr(0, note);
    if (note == std::string::npos) continue;
    const auto bytes = bytes_of_hex(hex == "-" ? "" : hex);
    if (!bytes) throw std::runtime_error("no hex before line " + std::to_string(at + 1) + " of the page");
    examples_.back().frames.push_back({*bytes, lines[at].substr(note + kNote.size())});
    hex.clear();
  }
}

Table Document::table(const std::vector<std::string>& head) const {
  Table found;
  for (const Table& table : tables_) {
    if (!begins_with(table.front(), head)) continue;
    if (!found.empty()) throw std::runtime_error("two tables begin with " + head.front());
    found = table;
  }
  return found;
}

Document read_document(const char* path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(std::string("there is no ") + path);
  std::stringstream text;
  text << file.rdbuf();
  return Document(text.str());
}

}  // namespace dync::wire::tests
