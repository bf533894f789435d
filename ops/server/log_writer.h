#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proto/service/log.h"
#include "schema/config/config.h"

namespace dync::server {

// "2026-01-31T09:15:02.123Z INFO  receiver upload.opened upload=…". Control characters in `text` are escaped:
// an event is one line, whoever sent it.
std::string log_line(std::string_view time, service::Level level, std::string_view process,
                     std::string_view text);
// The same without the time and with a syslog priority, for the journal, which has its own clock.
std::string journal_line(service::Level level, std::string_view process, std::string_view text);

// The config's logging.level, as Python names them.
service::Level level_of(const config::Logging& logging);

// The only one that writes the log: to standard error (as the journal wants it, if that is where it goes) and
// to the file of the config, rotated by size. Lines that the file can't take, as on a full disk, are counted;
// the first is told on standard error, their number in the file when it takes lines again.
class LogWriter {
 public:
  enum class Console { all, errors };
  // Throws std::runtime_error if the log file can't be opened.
  LogWriter(const config::Logging& logging, Console console);
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  ~LogWriter();

  void write(service::Level level, std::string_view process, std::string_view text);
  // Less than this is left out from now on.
  void show_from(service::Level least);
  // From now on only to the file.
  void leave_console();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dync::server
