#pragma once

#include <string>

#include "client/options.h"
#include "client/progress.h"

namespace dync::client {

// Standard error: the progress of the running upload, and messages between. On a terminal the progress is one
// line that is drawn over itself, at whatever width the terminal has at that moment; for a log (`always`, not
// on a terminal) it is a line now and then.
class Display {
 public:
  Display(int fd, ProgressMode mode, bool quiet, bool verbose);
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;
  ~Display() { clear(); }

  void progress(const ProgressView& view, Time now);
  // Takes the progress line away, before anything else is written to the terminal.
  void clear();
  // How the file ended, where progress is shown.
  void finished(const std::string& text);
  void error(const std::string& sentence);  // "dync: …"
  void tell(const std::string& sentence);   // not with --quiet
  void note(const std::string& sentence);   // only with --verbose

  // How often progress() wants to be called.
  std::chrono::milliseconds period() const;

 private:
  enum class Style { none, bar, lines };
  void write(const std::string& text) const;
  std::size_t width() const;

  int fd_;
  bool quiet_;
  bool verbose_;
  Style style_;
  std::string drawn_;
  std::size_t drawn_width_ = 0;
  Time last_;
  Stage last_stage_ = Stage::over;
};

}  // namespace dync::client
