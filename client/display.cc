#include "client/display.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/file.h"

namespace dync::client {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRedraw{200};
constexpr milliseconds kLogLine{10000};
constexpr milliseconds kNever{3600L * 1000};
constexpr std::size_t kUnknownWidth = 80;
constexpr char kEraseLine[] = "\r\033[K";
constexpr char kEraseRest[] = "\033[K";

}  // namespace

Display::Display(int fd, ProgressMode mode, bool quiet, bool verbose)
    : fd_(fd), quiet_(quiet), verbose_(verbose && !quiet), style_(Style::none) {
  if (quiet || mode == ProgressMode::never) return;
  if (::isatty(fd) == 1) {
    style_ = Style::bar;
  } else if (mode == ProgressMode::always) {
    style_ = Style::lines;
  }
}

milliseconds Display::period() const {
  if (style_ == Style::bar) return kRedraw;
  return style_ == Style::lines ? kLogLine : kNever;
}

// Asked anew for each line, so a terminal that was resized is drawn right from the next line on.
std::size_t Display::width() const {
  winsize size{};
  if (::ioctl(fd_, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUnknownWidth;
  return size.ws_col;
}

// Standard error is where problems are told: one of its own has nowhere to go.
void Display::write(const std::string& text) const {
  try {
    posix::write_all(fd_, text);
  } catch (const posix::Error&) {
  }
}

void Display::progress(const ProgressView& view, Time now) {
  const bool stage_changed = view.stage != last_stage_;
  if (style_ == Style::none || (!stage_changed && now - last_ < period())) return;
  last_ = now;
  last_stage_ = view.stage;
  if (style_ == Style::lines) {
    write("dync: " + render_log_line(view) + "\n");
    return;
  }
  const std::size_t columns = width();
  std::string line = render_bar(view, columns);
  if (line == drawn_ && columns == drawn_width_) return;
  write("\r" + line + kEraseRest);
  drawn_ = std::move(line);
  drawn_width_ = columns;
}

void Display::clear() {
  if (drawn_.empty()) return;
  write(kEraseLine);
  drawn_.clear();
}

void Display::finished(const std::string& text) {
  clear();
  last_stage_ = Stage::over;
  if (style_ != Style::none) write("dync: " + text + "\n");
}

void Display::error(const std::string& sentence) {
  clear();
  write("dync: " + sentence + "\n");
}

void Display::tell(const std::string& sentence) {
  if (!quiet_) error(sentence);
}

void Display::note(const std::string& sentence) {
  if (!verbose_) return;
  clear();
  write("dync: " + sentence + "\n");
}

}  // namespace dync::client
