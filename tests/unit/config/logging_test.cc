#include <gtest/gtest.h>

#include "tests/unit/config/sample.h"

namespace dync::config {
namespace {

Logging logging(const std::string& text) {
  return read(kLeast + "logging: " + text + "\n").logging;
}

TEST(Logging, TheLevelOfRootCounts) {
  EXPECT_EQ(logging("{root: {level: DEBUG}}").level, "DEBUG");
  EXPECT_EQ(logging("{root: {level: WARN}}").level, "WARNING");
  EXPECT_EQ(logging("{root: {level: CRITICAL}}").level, "ERROR");
  EXPECT_EQ(logging("{root: {level: 30}}").level, "WARNING");
  EXPECT_EQ(logging("{root: {level: 10}}").level, "DEBUG");
}

TEST(Logging, TheFileThatRootUsesCounts) {
  const Logging read = logging(
      "{root: {handlers: [b]}, handlers: {a: {filename: /a.log, maxBytes: 1}, b: {filename: /b.log, "
      "maxBytes: 2, "
      "backupCount: 3}}}");
  EXPECT_EQ(read.file, Path("/b.log"));
  EXPECT_EQ(read.max_bytes, 2U);
  EXPECT_EQ(read.backups, 3);
}

TEST(Logging, TheLevelsOfHandlersDoNotCount) {
  EXPECT_EQ(
      logging("{root: {level: DEBUG, handlers: [f]}, handlers: {f: {filename: /f, level: ERROR}}}").level,
      "DEBUG");
}

TEST(Logging, WhateverDictConfigTakesIsAccepted) {
  const Logging read = logging(R"(
  version: 1
  incremental: False
  disable_existing_loggers: no
  formatters:
    brief: {format: '%(levelname)-8s: %(name)-15s: %(message)s', datefmt: '%H:%M', style: '%'}
    custom: {(): my.package.Formatter, bar: baz, .: {foo: 1}}
  filters:
    allow_foo: {name: foo}
    callable: {(): ext://project.filter, arg: [1, 2.5, null]}
  handlers:
    console: {class: logging.StreamHandler, formatter: brief, level: 30, filters: [allow_foo], stream: ext://sys.stdout}
    syslog: {class: logging.handlers.SysLogHandler, address: [localhost, 514]}
    mail: {class: logging.handlers.SMTPHandler, mailhost: [h, 25], toaddrs: [a@b], credentials: !!null }
    timed: {class: logging.handlers.TimedRotatingFileHandler, filename: timed.log, when: midnight, backupCount: 7, utc: yes}
    unused: {class: logging.FileHandler, filename: unused.log, delay: True, encoding: utf-8}
  loggers:
    dync: {level: DEBUG, propagate: no, handlers: [console, timed]}
    'dync.server': {level: NOTSET, qualname: x}
  root: {level: WARN, handlers: [console, timed]})");
  EXPECT_EQ(read.level, "WARNING");
  EXPECT_EQ(read.file, Path("/etc/timed.log"));
  EXPECT_EQ(read.max_bytes, 0U);
  EXPECT_EQ(read.backups, 7);
}

TEST(Logging, WithoutSuchTheFirstFileCounts) {
  EXPECT_EQ(logging("{handlers: {c: {class: x}, a: {filename: a.log}, b: {filename: b.log}}}").file,
            Path("/etc/a.log"));
}

TEST(Logging, AnythingIsAccepted) {
  for (const char* text :
       {"", "5", "word", "[]", "[{a: b}]", "{}", "{root: 5}", "{root: {level: [x]}}", "{root: {level: LOUD}}",
        "{handlers: 5}", "{handlers: [a]}", "{handlers: {a: 5}}", "{handlers: {a: {filename: 5}}}",
        "{handlers: {a: {filename: ''}}}", "{handlers: {5: {6: 7}}}", "{version: x, ext: {? 1 : 2}}"}) {
    const Logging read = logging(text);
    EXPECT_EQ(read.level, "INFO") << text;
    EXPECT_FALSE(read.file) << text;
  }
  const Logging odd = logging("{handlers: {a: {filename: /x, maxBytes: -5, backupCount: 99999999999}}}");
  EXPECT_EQ(odd.max_bytes, 0U);
  EXPECT_EQ(odd.backups, 10000);
}

}  // namespace
}  // namespace dync::config
