#include "ops/server/log_writer.h"

#include <cstdio>
#include <cstdlib>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <stdexcept>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "proto/posix/process.h"

namespace dync::server {
namespace {

using service::Level;

// JOURNAL_STREAM names the device and inode of the journal's socket (systemd.exec(5)).
bool writes_to_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat info {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &info) != 0) return false;
  return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) == stream;
}

spdlog::sink_ptr make_file_sink(const config::Logging& logging) {
  const std::string& name = logging.file->native();
  if (logging.max_bytes == 0 || logging.backups <= 0)
    return std::make_shared<spdlog::sinks::basic_file_sink_st>(name);
  return std::make_shared<spdlog::sinks::rotating_file_sink_st>(name, logging.max_bytes,
                                                                static_cast<std::size_t>(logging.backups));
}

std::unique_ptr<spdlog::logger> open_file(const config::Logging& logging) {
  if (!logging.file) return nullptr;
  try {
    auto logger = std::make_unique<spdlog::logger>("dync", make_file_sink(logging));
    logger->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc));
    logger->set_level(spdlog::level::trace);
    logger->flush_on(spdlog::level::trace);
    return logger;
  } catch (const spdlog::spdlog_ex& error) {
    throw std::runtime_error("cannot open the log file " + logging.file->native() + ": " + error.what());
  }
}

}  // namespace

struct LogWriter::Impl {
  void to_file(const std::string& line);
  bool put(const std::string& line);
  void could_not(const std::string& why);

  Level least;
  Console console;
  bool on_console = true;
  bool journal = writes_to_journal();
  std::string name = {};  // of the file
  std::unique_ptr<spdlog::logger> file;
  std::uint64_t lost = 0;  // lines that the file could not take since it last took one
  bool failed = false;     // the line that is being written
};

bool LogWriter::Impl::put(const std::string& line) {
  failed = false;
  file->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  return !failed;
}

// Of a full disk one line tells, not one for each line that is lost.
void LogWriter::Impl::could_not(const std::string& why) {
  if (!std::exchange(failed, true) && lost == 0)
    std::fprintf(stderr, "dync-server: cannot write the log file %s: %s\n", name.c_str(), why.c_str());
}

// The line before may have been cut in the middle, so what tells of it begins a new one.
void LogWriter::Impl::to_file(const std::string& line) {
  if (lost > 0) {
    const std::string gap =
        log_line(posix::utc_now(), Level::warning, "server", "log.lines_lost count=" + std::to_string(lost));
    if (!put("\n" + gap)) {
      ++lost;
      return;
    }
    lost = 0;
  }
  if (!put(line)) ++lost;
}

LogWriter::LogWriter(const config::Logging& logging, Console console)
    : impl_(std::make_unique<Impl>(Impl{.least = level_of(logging),
                                        .console = console,
                                        .name = logging.file ? logging.file->native() : "",
                                        .file = open_file(logging)})) {
  if (!impl_->file) return;
  impl_->file->set_error_handler([impl = impl_.get()](const std::string& why) { impl->could_not(why); });
}

LogWriter::~LogWriter() = default;

void LogWriter::show_from(Level least) {
  impl_->least = least;
}

void LogWriter::leave_console() {
  impl_->on_console = false;
}

void LogWriter::write(Level level, std::string_view process, std::string_view text) {
  if (level < impl_->least) return;
  const std::string line = log_line(posix::utc_now(), level, process, text);
  if (impl_->on_console && (impl_->console == Console::all || level >= Level::error)) {
    const std::string shown = (impl_->journal ? journal_line(level, process, text) : line) + "\n";
    // One write, so that a line stays whole beside what others print there.
    std::fwrite(shown.data(), 1, shown.size(), stderr);
  }
  if (impl_->file) impl_->to_file(line);
}

}  // namespace dync::server
