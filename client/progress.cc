#include "client/progress.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

#include "client/sentences.h"
#include "client/text_width.h"

namespace dync::client {

namespace {

constexpr std::chrono::seconds kMeterWindow{10};
constexpr std::chrono::milliseconds kMeterStep{100};
constexpr std::size_t kShortName = 12;  // columns that a name keeps before the figures do
constexpr std::size_t kLeastBar = 10;
constexpr std::size_t kMostBar = 50;

std::string padded(std::uint64_t number, std::size_t width, char with) {
  const std::string text = std::to_string(number);
  return std::string(width - std::min(width, text.size()), with) + text;
}

std::string percent(double part, std::size_t width) {
  return padded(static_cast<std::uint64_t>(part * 100), width, ' ') + "%";
}

std::optional<double> fraction(const ProgressView& view) {
  if (!view.total) return std::nullopt;
  if (*view.total == 0) return view.stage == Stage::verifying || view.stage == Stage::over ? 1.0 : 0.0;
  return std::min(1.0, static_cast<double>(view.done) / static_cast<double>(*view.total));
}

std::string time_left(const ProgressView& view) {
  if (!view.total || view.rate <= 0 || view.done > *view.total) return {};
  const double seconds = static_cast<double>(*view.total - view.done) / view.rate;
  return human_time(std::chrono::seconds(static_cast<std::int64_t>(std::min(seconds, 1e9))));
}

// The figures behind the name, the most wanted first.
std::vector<std::string> figures(const ProgressView& view) {
  std::vector<std::string> parts;
  if (const auto part = fraction(view)) parts.push_back(percent(*part, 3));
  if (view.stage != Stage::sending) {
    parts.push_back(stage_text(view.stage));
    parts.push_back(human_bytes(view.done));
    return parts;
  }
  parts.push_back(human_bytes(view.done));
  if (view.rate > 0) parts.push_back(human_bytes(static_cast<std::uint64_t>(view.rate)) + "/s");
  if (auto left = time_left(view); !left.empty()) parts.push_back(std::move(left));
  return parts;
}

std::string draw_bar(double part, std::size_t columns) {
  const std::size_t inside = columns - 2;
  const auto full = static_cast<std::size_t>(part * static_cast<double>(inside));
  return "[" + std::string(full, '#') + std::string(inside - full, '-') + "]";
}

std::string title(const ProgressView& view) {
  std::string name = printable(view.name);
  if (view.count <= 1) return name;
  return std::to_string(view.number) + "/" + std::to_string(view.count) + " " + name;
}

}  // namespace

std::string human_bytes(std::uint64_t bytes) {
  static constexpr std::array<const char*, 6> kUnits{"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  auto value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  const auto tenths = static_cast<std::uint64_t>(std::llround(value * 10));
  const std::string whole = std::to_string(tenths < 100 ? tenths / 10 : (tenths + 5) / 10);
  return whole + (tenths < 100 ? "." + std::to_string(tenths % 10) : "") + " " + kUnits.at(unit);
}

std::string human_time(std::chrono::seconds duration) {
  const auto seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
  if (seconds >= 48ULL * 3600) return std::to_string(seconds / (24ULL * 3600)) + " d";
  const std::string tail = ":" + padded(seconds % 60, 2, '0');
  if (seconds < 3600) return std::to_string(seconds / 60) + tail;
  return std::to_string(seconds / 3600) + ":" + padded(seconds / 60 % 60, 2, '0') + tail;
}

std::string stage_text(Stage stage) {
  switch (stage) {
    case Stage::connecting:
      return "connecting";
    case Stage::asking:
      return "asking the server";
    case Stage::refused_for_now:
      return "the server is stopping, trying again";
    case Stage::silent:
      return "no answer from the server";
    case Stage::waiting:
      return "waiting for the server's capacity";
    case Stage::reconnecting:
      return "reconnecting";
    case Stage::verifying:
      return "verifying";
    case Stage::sending:
    case Stage::over:
      break;
  }
  return {};
}

std::string render_bar(const ProgressView& view, std::size_t width) {
  const std::size_t room = width > 1 ? width - 1 : 1;
  const std::string name = title(view);
  const std::size_t name_columns = columns_of(name);
  const std::size_t kept = std::min(name_columns, std::min(kShortName, room));
  std::string tail;
  std::size_t rest = room - kept;
  for (const std::string& figure : figures(view)) {
    const std::size_t needed = columns_of(figure) + 2;
    if (figure.empty() || needed > rest) continue;
    tail += "  " + figure;
    rest -= needed;
  }
  const auto part = fraction(view);
  const std::size_t bar = part && !tail.empty() && rest >= kLeastBar + 2 ? kLeastBar + 2 : 0;
  const std::size_t name_room = kept + std::min(rest - bar, name_columns - kept);
  std::string line = fit(name, name_room);
  if (bar > 0) line += "  " + draw_bar(*part, std::min(rest - (name_room - kept) - 2, kMostBar));
  return line + tail;
}

std::string render_log_line(const ProgressView& view) {
  std::string line = title(view) + ": " + human_bytes(view.done);
  if (view.total) line += " of " + human_bytes(*view.total);
  if (const auto part = fraction(view)) line += " (" + percent(*part, 0) + ")";
  if (view.stage != Stage::sending) {
    const std::string stage = stage_text(view.stage);
    return stage.empty() ? line : line + ", " + stage;
  }
  if (view.rate > 0) line += ", " + human_bytes(static_cast<std::uint64_t>(view.rate)) + "/s";
  if (const std::string left = time_left(view); !left.empty()) line += ", " + left + " left";
  return line;
}

void Meter::add(std::uint64_t done, Time now) {
  if (!samples_.empty() && done < samples_.back().done) samples_.clear();  // a rewind
  if (samples_.size() >= 2 && now - samples_[samples_.size() - 2].at < kMeterStep) {
    samples_.back() = {now, done};
  } else {
    samples_.push_back({now, done});
  }
  while (samples_.size() > 2 && now - samples_.front().at > kMeterWindow) samples_.pop_front();
}

double Meter::rate() const {
  if (samples_.size() < 2) return 0;
  const std::chrono::duration<double> span = samples_.back().at - samples_.front().at;
  if (span.count() <= 0) return 0;
  return static_cast<double>(samples_.back().done - samples_.front().done) / span.count();
}

}  // namespace dync::client
