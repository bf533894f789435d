#include <gtest/gtest.h>

#include "schema/config/parameters.h"
#include "tests/unit/config/sample.h"

namespace dync::config {
namespace {

using std::chrono::seconds;

// As an installation of the Python original has it.
const char* const kOriginal =
    R"(options: {pidfile: /run/dync.pid, umask: 0077}     # umask: for all that is written
address: "tcp://*:8889"
storage:
  tmp_dir: /data/tmp          # staging
  path: /data/store           # the default store; ours keeps the ledger there
  manual: /data/manual        # target of `passthrough`
  storage: /data/storage      # accepted, not used (nor by the original)
  dropboxes:
    - {regexp: "(.|\\n)*\\.pdf$", path: /data/pdf, origin: [user1], requires_barcode: no, match_file: yes, match_dir: yes}
logging: {version: 1, disable_existing_loggers: False, root: {level: INFO, handlers: [file, console]},
          handlers: {file: {class: logging.handlers.RotatingFileHandler, level: INFO, formatter: detailed, filename: dync-server.log, mode: a, maxBytes: 10485760, backupCount: 5},
                     console: {class: logging.StreamHandler, level: ERROR, formatter: detailed}},
          formatters: {detailed: {format: "%(asctime)s %(levelname)-8s %(message)s"}}}
)";

TEST(Original, ItsFileIsReadAsItIs) {
  const Config config = read(kOriginal);
  EXPECT_EQ(config.file, "/etc/d.yaml");
  EXPECT_EQ(config.address, "tcp://*:8889");
  EXPECT_EQ(config.pidfile, Path("/run/dync.pid"));
  EXPECT_EQ(config.umask, 077U);
  EXPECT_EQ(config.storage.tmp_dir, "/data/tmp");
  EXPECT_EQ(config.storage.path, "/data/store");
  EXPECT_EQ(config.storage.manual, Path("/data/manual"));
  ASSERT_EQ(config.storage.dropboxes.size(), 1U);
  const Dropbox& dropbox = config.storage.dropboxes[0];
  EXPECT_EQ(dropbox.regexp, "(.|\\n)*\\.pdf$");
  EXPECT_EQ(dropbox.path, "/data/pdf");
  EXPECT_EQ(dropbox.origins, std::vector<std::string>{"user1"});
  EXPECT_FALSE(dropbox.requires_barcode);
  EXPECT_TRUE(dropbox.match_file);
  EXPECT_EQ(dropbox.line, 9);
  EXPECT_EQ(config.logging.level, "INFO");
  EXPECT_EQ(config.logging.file, Path("/etc/dync-server.log"));
  EXPECT_EQ(config.logging.max_bytes, 10485760U);
  EXPECT_EQ(config.logging.backups, 5);
  EXPECT_EQ(config.ledger, "/data/store/dync.sqlite");
  EXPECT_EQ(config.keys_dir, "/home/dync/.dync");
}

// The same in block style, with quotes, anchors and other words for the same values.
const char* const kOriginalInBlocks = R"(---
# by hand
"options":
    'pidfile': "/run/dync.pid"
    umask: 0o77
address: tcp://*:8889
storage:
    tmp_dir: '/data/tmp/'
    path: !!str /data/store
    manual: >-
        /data/manual
    storage:
        - anything
    dropboxes:
    -   path: &pdf "/data/pdf"
        regexp: (.|\n)*\.pdf$
        origin:
        - user1
        requires_barcode: False
        match_file: ON
        match_dir: off
logging:
    version: 1
    formatters: &formatters {detailed: {format: "%(message)s"}}
    handlers:
        console: {class: logging.StreamHandler, level: ERROR}
        file:
            class: logging.handlers.RotatingFileHandler
            filename: dync-server.log
            maxBytes: 10_485_760
            backupCount: 0x5
    root: {handlers: [file], level: 20}
    other: *formatters
...
)";

TEST(Original, InOtherWordsItIsTheSame) {
  const Changes found = changes(read(kOriginal), read(kOriginalInBlocks));
  EXPECT_EQ(found.reloadable, std::vector<std::string>{});
  EXPECT_EQ(found.need_restart, std::vector<std::string>{});
}

TEST(Defaults, AreThoseOfTheContract) {
  const Config config = read(kLeast);
  EXPECT_EQ(config.address, "tcp://*:8889");
  EXPECT_FALSE(config.pidfile);
  EXPECT_EQ(config.umask, 077U);
  EXPECT_FALSE(config.storage.manual);
  EXPECT_TRUE(config.storage.dropboxes.empty());
  EXPECT_EQ(config.logging.level, "INFO");
  EXPECT_FALSE(config.logging.file);
  EXPECT_FALSE(config.runtime_dir);
  EXPECT_EQ(config.flow.chunk_size, 1U << 20U);
  EXPECT_EQ(config.flow.max_queue, 64U);
  EXPECT_EQ(config.flow.budget, 256U << 20U);
  EXPECT_EQ(config.limits.idle_timeout, seconds(3600));
  EXPECT_EQ(config.limits.partial_ttl, seconds(7 * 24 * 3600));
  EXPECT_EQ(config.limits.max_metadata, 65536U);
  EXPECT_FALSE(config.limits.min_free_space);
  EXPECT_EQ(config.limits.max_uploads_per_user, 1000U);
  EXPECT_EQ(config.untar.max_members, 10U);
  EXPECT_EQ(config.untar.max_bytes, std::uint64_t{10} << 30U);
  EXPECT_EQ(config.untar.max_ratio, 200U);
  EXPECT_EQ(config.workers.hashers, 1);
  EXPECT_EQ(config.workers.writer_threads, 2);
  EXPECT_EQ(config.workers.io_threads, 1);
}

TEST(Ours, EachSettingArrives) {
  const Config config = read(kLeast + R"(address: tcp://[::1]:*
keys: {dir: /k}
ledger: /l/ledger.sqlite
runtime_dir: /run/d
flow: {chunk_size: 262144, max_queue: 8, budget: 67108864}
limits: {idle_timeout: 10, partial_ttl: 60, max_metadata: 2048, min_free_space: 0, max_uploads_per_user: 3}
untar: {max_members: 11, max_bytes: 12, max_ratio: 13}
workers: {hashers: 2, writer_threads: 3, io_threads: 4}
)");
  EXPECT_EQ(config.address, "tcp://[::1]:*");
  EXPECT_EQ(config.keys_dir, "/k");
  EXPECT_EQ(config.ledger, "/l/ledger.sqlite");
  EXPECT_EQ(config.runtime_dir, Path("/run/d"));
  EXPECT_EQ(config.flow.chunk_size, 262144U);
  EXPECT_EQ(config.flow.max_queue, 8U);
  EXPECT_EQ(config.flow.budget, 67108864U);
  EXPECT_EQ(config.limits.idle_timeout, seconds(10));
  EXPECT_EQ(config.limits.partial_ttl, seconds(60));
  EXPECT_EQ(config.limits.max_metadata, 2048U);
  EXPECT_EQ(config.limits.min_free_space, 0U);
  EXPECT_EQ(config.limits.max_uploads_per_user, 3U);
  EXPECT_EQ(config.untar.max_members, 11U);
  EXPECT_EQ(config.untar.max_bytes, 12U);
  EXPECT_EQ(config.untar.max_ratio, 13U);
  EXPECT_EQ(config.workers.hashers, 2);
  EXPECT_EQ(config.workers.writer_threads, 3);
  EXPECT_EQ(config.workers.io_threads, 4);
}

TEST(Dropbox, DefaultsAreTheOriginals) {
  const Config config = read(kLeast + "  dropboxes:\n    - regexp: a\n      path: /d/\n");
  ASSERT_EQ(config.storage.dropboxes.size(), 1U);
  EXPECT_TRUE(config.storage.dropboxes[0].requires_barcode);
  EXPECT_TRUE(config.storage.dropboxes[0].match_file);
  EXPECT_TRUE(config.storage.dropboxes[0].origins.empty());
  EXPECT_EQ(config.storage.dropboxes[0].path, "/d");
}

TEST(Dropbox, DemandsModeAndGroup) {
  const Config config = read(kLeast + R"(  dropboxes:
    - regexp: a
      path: /d
      required_metadata: [sample, "7"]
      schema: schemas/../s.json
      mode: 0750
      group: beamline
    - {regexp: a, path: /d, required_metadata: sample, schema: /abs/s.json, mode: 0o777, group: 0100}
    - {regexp: a, path: /d}
)");
  ASSERT_EQ(config.storage.dropboxes.size(), 3U);
  const Dropbox& first = config.storage.dropboxes[0];
  EXPECT_EQ(first.required_metadata, (std::vector<std::string>{"sample", "7"}));
  EXPECT_EQ(first.schema, Path("/etc/s.json")) << "relative to the config file";
  EXPECT_EQ(first.mode, 0750U);
  EXPECT_EQ(first.group, "beamline");
  const Dropbox& second = config.storage.dropboxes[1];
  EXPECT_EQ(second.required_metadata, std::vector<std::string>{"sample"});
  EXPECT_EQ(second.schema, Path("/abs/s.json"));
  EXPECT_EQ(second.mode, 0777U);
  EXPECT_EQ(second.group, "0100") << "as it is written";
  const Dropbox& third = config.storage.dropboxes[2];
  EXPECT_TRUE(third.required_metadata.empty());
  EXPECT_FALSE(third.schema || third.mode || third.group);
  EXPECT_EQ(config.lines.at("storage.dropboxes[0].schema"), 8);
  EXPECT_EQ(config.lines.at("storage.dropboxes[0].group"), 10);
}

TEST(Dropbox, OneUserNeedsNoList) {
  const Config config = read(kLeast + "  dropboxes: [{regexp: a, path: /d, origin: lab1}]\n");
  EXPECT_EQ(config.storage.dropboxes.at(0).origins, std::vector<std::string>{"lab1"});
}

TEST(Dropbox, FlagsMayBeZeroAndOne) {
  const Config config =
      read(kLeast + "  dropboxes: [{regexp: a, path: /d, requires_barcode: 0, match_file: 1}]\n");
  EXPECT_FALSE(config.storage.dropboxes.at(0).requires_barcode);
  EXPECT_TRUE(config.storage.dropboxes.at(0).match_file);
}

TEST(KnownToTheOriginal, NeverStopsTheStart) {
  EXPECT_NO_THROW(read(kLeast + "  storage: [1, {a: b}]\n  manual: /nowhere\n"));
  EXPECT_NO_THROW(read(kLeast + "  storage:\n  manual:\n  dropboxes:\noptions:\nlogging:\n"));
  EXPECT_NO_THROW(read(kLeast + "  dropboxes: [{regexp: a, path: /d, match_dir: {what: ever}}]\n"));
}

TEST(Options, PidfileMayBeRelativeToTheFile) {
  EXPECT_EQ(read(kLeast + "options: {pidfile: dync.pid}").pidfile, Path("/etc/dync.pid"));
}

TEST(Options, UmaskIsOctalAsPythonReadsIt) {
  EXPECT_EQ(read(kLeast + "options: {umask: 0027}").umask, 027U);
  EXPECT_EQ(read(kLeast + "options: {umask: 0o27}").umask, 027U);
  EXPECT_EQ(read(kLeast + "options: {umask: 0}").umask, 0U);
  EXPECT_EQ(read(kLeast + "options: {umask: 23}").umask, 027U);
}

TEST(Yaml, AliasesAndMergesMeanWhatPythonReads) {
  const Config config = read(kLeast + R"(  dropboxes:
    - &common {regexp: a, path: /d, requires_barcode: no}
    - *common
    - {<<: *common, path: /other}
)");
  ASSERT_EQ(config.storage.dropboxes.size(), 3U);
  EXPECT_EQ(config.storage.dropboxes[1].path, "/d");
  EXPECT_EQ(config.storage.dropboxes[2].path, "/other");
  EXPECT_FALSE(config.storage.dropboxes[2].requires_barcode);
}

TEST(Yaml, AByteOrderMarkIsNoMatter) {
  EXPECT_NO_THROW(read("\xef\xbb\xbf" + kLeast));
}

TEST(Lines, AreKeptForLaterMessages) {
  const Config config = read(kLeast + "  dropboxes:\n    - regexp: a\n      path: /d\n");
  EXPECT_EQ(config.lines.at("storage.tmp_dir"), 2);
  EXPECT_EQ(config.lines.at("storage.dropboxes[0].regexp"), 5);
  EXPECT_EQ(config.lines.at("storage.dropboxes[0].path"), 6);
}

TEST(KeptBack, IsWhatTheOperatorSaysElseAPartOfTheFileSystem) {
  Limits limits{};
  EXPECT_EQ(kept_back(limits, 64ULL << 20), (64ULL << 20) / 20);
  EXPECT_EQ(kept_back(limits, 20ULL << 30), 1ULL << 30);
  EXPECT_EQ(kept_back(limits, 1ULL << 44), 1ULL << 30);
  limits.min_free_space = 0;
  EXPECT_EQ(kept_back(limits, 1ULL << 44), 0U);
  limits.min_free_space = 7;
  EXPECT_EQ(kept_back(limits, 1ULL << 20), 7U);
}

}  // namespace
}  // namespace dync::config
