#include "schema/config/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "tests/unit/config/sample.h"

namespace dync::config {
namespace {

std::string with(const std::string& key, std::uint64_t value) {
  const std::size_t dot = key.find('.');
  return kLeast + key.substr(0, dot) + ": {" + key.substr(dot + 1) + ": " + std::to_string(value) + "}\n";
}

TEST(Parameters, EachHasAReasonAndADefaultWithinItsRange) {
  std::set<std::string> keys;
  for (const Parameter& row : parameters()) {
    EXPECT_TRUE(keys.insert(row.key).second) << row.key;
    EXPECT_GT(std::string(row.reason).size(), 10U) << row.key;
    if (row.fallback) {
      EXPECT_GE(*row.fallback, row.least) << row.key;
      EXPECT_LE(*row.fallback, row.most) << row.key;
    } else {
      EXPECT_STRNE(row.fallback_text, "") << row.key;
    }
  }
}

TEST(Parameters, BothEndsOfEachRangeAreTakenAndTheNextAreNot) {
  for (const Parameter& row : parameters()) {
    if (row.set == nullptr) continue;
    EXPECT_EQ(complaint(with(row.key, row.least)), "") << row.key;
    EXPECT_EQ(complaint(with(row.key, row.most)), "") << row.key;
    EXPECT_THAT(complaint(with(row.key, row.most + 1)), testing::HasSubstr("write a number")) << row.key;
    if (row.least == 0) continue;
    EXPECT_THAT(complaint(with(row.key, row.least - 1)), testing::HasSubstr("write a number")) << row.key;
  }
}

TEST(Parameters, MarkdownHasARowForEach) {
  const std::string table = parameters_as_markdown();
  EXPECT_TRUE(table.starts_with(
      "| setting | unit | default | range | a change counts | why |\n|---|---|---|---|---|---|\n"));
  EXPECT_THAT(table, testing::HasSubstr("| `flow.chunk_size` | bytes | 1048576 (1 MiB) | 4096 (4 KiB) to "
                                        "1048576 (1 MiB) | after a restart |"));
  EXPECT_THAT(table, testing::HasSubstr("| `limits.partial_ttl` | seconds | 604800 (7 days) |"));
  EXPECT_THAT(table,
              testing::HasSubstr("| `keys.dir` | path | `~/.dync` | absolute path | after a restart |"));
  EXPECT_EQ(static_cast<std::size_t>(std::count(table.begin(), table.end(), '\n')), parameters().size() + 2);
}

// A config with one setting of each kind changed.
const std::vector<std::pair<std::string, std::string>> kChanged = {
    {"address", "address: tcp://*:1\n"},
    {"options.pidfile", "options: {pidfile: /x}\n"},
    {"options.umask", "options: {umask: 0027}\n"},
    {"storage.manual", "  manual: /m\n"},
    {"storage.dropboxes", "  dropboxes: [{regexp: a, path: /d}]\n"},
    {"logging.root.level", "logging: {root: {level: DEBUG}}\n"},
    {"logging.handlers", "logging: {handlers: {f: {filename: /f}}}\n"},
    {"keys.dir", "keys: {dir: /k}\n"},
    {"ledger", "ledger: /l\n"},
    {"runtime_dir", "runtime_dir: /r\n"},
    {"flow.chunk_size", "flow: {chunk_size: 65536}\n"},
    {"flow.max_queue", "flow: {max_queue: 3}\n"},
    {"flow.budget", "flow: {budget: 1048576}\n"},
    {"limits.idle_timeout", "limits: {idle_timeout: 11}\n"},
    {"limits.partial_ttl", "limits: {partial_ttl: 11}\n"},
    {"limits.max_metadata", "limits: {max_metadata: 2048}\n"},
    {"limits.min_free_space", "limits: {min_free_space: 0}\n"},
    {"limits.max_uploads_per_user", "limits: {max_uploads_per_user: 2}\n"},
    {"untar.max_members", "untar: {max_members: 11}\n"},
    {"untar.max_bytes", "untar: {max_bytes: 11}\n"},
    {"untar.max_ratio", "untar: {max_ratio: 11}\n"},
    {"workers.hashers", "workers: {hashers: 2}\n"},
    {"workers.writer_threads", "workers: {writer_threads: 3}\n"},
    {"workers.io_threads", "workers: {io_threads: 2}\n"}};

std::vector<std::string> both(const Changes& changes) {
  std::vector<std::string> all = changes.reloadable;
  all.insert(all.end(), changes.need_restart.begin(), changes.need_restart.end());
  return all;
}

TEST(ChangesOf, EachSettingIsSeen) {
  const Config before = read(kLeast);
  std::set<std::string> seen = {"storage.tmp_dir", "storage.path"};
  for (const auto& [key, text] : kChanged) {
    EXPECT_EQ(both(changes(before, read(kLeast + text))), std::vector<std::string>{key});
    EXPECT_EQ(both(changes(read(kLeast + text), before)), std::vector<std::string>{key});
    seen.insert(key);
  }
  for (const Parameter& row : parameters()) EXPECT_TRUE(seen.contains(row.key)) << row.key;
  EXPECT_EQ(changes(before, read("storage:\n  tmp_dir: /t2\n  path: /p\n")).need_restart,
            std::vector<std::string>{"storage.tmp_dir"});
  EXPECT_EQ(
      changes(before, read("storage:\n  tmp_dir: /t\n  path: /p2\nledger: /p/dync.sqlite\n")).need_restart,
      std::vector<std::string>{"storage.path"});
}

TEST(ChangesOf, WhatSaysTheSameInOtherWordsIsNone) {
  EXPECT_TRUE(both(changes(read(kLeast + "untar: {max_members: 10}\nflow: {budget: 0x10000000}\n"),
                           read("# text\n" + kLeast + "logging: {root: {level: 20}}\n")))
                  .empty());
}

TEST(ChangesOf, EachKeyOfADropboxIsSeen) {
  const auto with = [](const std::string& keys) {
    return read(kLeast + "  dropboxes: [{regexp: a, path: /d" + keys + "}]\n");
  };
  for (const char* keys : {", origin: [u]", ", requires_barcode: no", ", match_file: no",
                           ", required_metadata: [k]", ", schema: s", ", mode: 0770", ", group: g"})
    EXPECT_EQ(changes(with(""), with(keys)).reloadable, std::vector<std::string>{"storage.dropboxes"})
        << keys;
  EXPECT_FALSE(both(changes(with(", origin: [k]"), with(", required_metadata: [k]"))).empty());
}

TEST(ChangesOf, ASchemaFileIsSeenByItsText) {
  Config before = read(kLeast + "  dropboxes: [{regexp: a, path: /d, schema: /s.json}]\n");
  before.named.schemas["/s.json"] = "{}";
  Config after = before;
  EXPECT_TRUE(both(changes(before, after)).empty());
  after.named.schemas["/s.json"] = "true";
  EXPECT_EQ(changes(before, after).reloadable, std::vector<std::string>{"/s.json"});
}

TEST(ChangesOf, OnlyTheseCanBeReloaded) {
  std::set<std::string> reloadable;
  for (const Parameter& row : parameters())
    if (row.takes == Takes::reload) reloadable.insert(row.key);
  EXPECT_THAT(reloadable, testing::ElementsAre("limits.idle_timeout", "limits.max_metadata",
                                               "limits.max_uploads_per_user", "limits.min_free_space",
                                               "limits.partial_ttl", "logging.root.level",
                                               "storage.dropboxes", "storage.manual", "untar.max_bytes",
                                               "untar.max_members", "untar.max_ratio"));
}

TEST(Shown, AValueWithItsUnitOrTheDefault) {
  const Config config = read(kLeast + "flow: {budget: 1048577}\n");
  std::map<std::string, std::string> values;
  for (const Parameter& row : parameters()) values[row.key] = shown(row, config);
  EXPECT_EQ(values["flow.chunk_size"], "1048576 bytes (1 MiB)");
  EXPECT_EQ(values["flow.budget"], "1048577 bytes");
  EXPECT_EQ(values["flow.max_queue"], "64 chunks");
  EXPECT_EQ(values["limits.partial_ttl"], "604800 seconds (7 days)");
  EXPECT_EQ(values["limits.min_free_space"], "1 GiB or 5 % of the file system, whichever is less");
  EXPECT_EQ(values["untar.max_members"], "10");
  EXPECT_EQ(values["options.umask"], "0077");
  EXPECT_EQ(values["storage.tmp_dir"], "/t");
}

}  // namespace
}  // namespace dync::config
