#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/rules/refusal.h"

namespace dync::rules::judge_test {
namespace {

namespace fs = std::filesystem;

Rules rules(const std::string& dropboxes, const std::string& more = "") {
  return Rules(config::parse("storage:\n  tmp_dir: /t\n  path: /p\n" + more + "  dropboxes:\n" + dropboxes,
                             "/c.yaml", "/h"));
}

// The directory, or the refusal.
std::string to(const Rules& rules, std::string_view user, std::string_view name,
               std::string_view metadata = "{}") {
  const auto judged = rules.judge(user, name, metadata);
  const auto* destination = std::get_if<Destination>(&judged);
  return destination == nullptr ? said(judged) : destination->directory.native();
}

const std::string kPdf = "    - {regexp: '.*\\.pdf$', path: /pdf, requires_barcode: no}\n";
const std::string kAny = "    - {regexp: '.*', path: /any, requires_barcode: no}\n";

TEST(Judge, TellsDirectoryNameAndWishes) {
  const auto judged = rules(kPdf).judge("lab1", "my report.pdf", R"({"untar":"True"})");
  ASSERT_TRUE(std::holds_alternative<Destination>(judged));
  const auto& destination = std::get<Destination>(judged);
  EXPECT_EQ(destination.directory, "/pdf");
  EXPECT_EQ(destination.clean_name, "myreport.pdf");
  EXPECT_TRUE(destination.untar);
  EXPECT_FALSE(destination.passthrough);
}

TEST(Judge, TheFirstMatchWins) {
  EXPECT_EQ(to(rules(kPdf + kAny), "u", "a.pdf"), "/pdf");
  EXPECT_EQ(to(rules(kPdf + kAny), "u", "a.txt"), "/any");
  EXPECT_EQ(to(rules(kAny + kPdf), "u", "a.pdf"), "/any");
}

TEST(Judge, TheRegexpSeesTheNameAsSent) {
  EXPECT_EQ(to(rules("    - {regexp: 'my file', path: /d, requires_barcode: no}\n"), "u", "my file.x"), "/d");
}

TEST(Judge, NoRuleNoDropbox) {
  EXPECT_EQ(to(rules(kPdf), "u", "a.doc"),
            "422: no dropbox takes the name 'a.doc'; rename the file as the server's rules want it, or ask "
            "its operator "
            "for a rule");
}

TEST(Judge, OriginsLimitWhoMay) {
  const Rules some = rules("    - {regexp: '.*', path: /d, origin: [lab1, lab2], requires_barcode: no}\n");
  EXPECT_EQ(to(some, "lab1", "a"), "/d");
  EXPECT_EQ(to(some, "lab2", "a"), "/d");
  EXPECT_EQ(to(some, "lab", "a"),
            "422: the dropbox of line 5 takes names like 'a', but not from user 'lab'; ask the server's "
            "operator to add "
            "the user");
}

TEST(Judge, AnotherRuleMayTakeWhatOriginsExclude) {
  EXPECT_EQ(
      to(rules("    - {regexp: '.*', path: /d, origin: [lab1], requires_barcode: no}\n" + kAny), "lab9", "a"),
      "/any");
}

TEST(Judge, MatchFileFalseNeverMatches) {
  EXPECT_EQ(to(rules("    - {regexp: '.*', path: /d, match_file: no, requires_barcode: no}\n" + kAny), "u",
               "a.tar", R"({"untar":true})"),
            "/any");
}

TEST(Judge, ABarcodeIsRequiredUnlessSaidOtherwise) {
  const Rules strict = rules("    - {regexp: '.*', path: /d}\n");
  EXPECT_EQ(to(strict, "u", "QQBIC001AH.raw"), "/d");
  EXPECT_THAT(to(strict, "u", "a.raw"), testing::StartsWith("422: the name 'a.raw' has no barcode"));
}

TEST(Judge, ARuleThatLacksItsBarcodeIsFinal) {
  EXPECT_THAT(to(rules("    - {regexp: '.*', path: /d}\n" + kAny), "u", "a.raw"),
              testing::StartsWith("422: "));
}

// Rules of one dropbox in line 5 with these demands and, where they name it, this schema.
Rules demanding(const std::string& demands, const std::string& schema = "") {
  auto config = config::parse(
      "storage:\n  tmp_dir: /t\n  path: /p\n  dropboxes:\n    - {regexp: '.*', path: /d, requires_barcode: "
      "no, " +
          demands + "}\n",
      "/etc/c.yaml", "/h");
  if (!schema.empty()) config.named.schemas["/etc/s.json"] = schema;
  config.named.groups["beamline"] = 4711;
  return Rules(config);
}

TEST(Judge, WhatTheDropboxDemandsOfMetadataIsToldInOneSentence) {
  const Rules rules = demanding("required_metadata: [sample, run], schema: s.json",
                                R"({"properties":{"run":{"type":"integer"}},"required":["run","person"]})");
  EXPECT_EQ(to(rules, "u", "a", R"({"sample":"S","run":7,"person":"P"})"), "/d");
  EXPECT_EQ(
      to(rules, "u", "a", R"({"run":"x"})"),
      "422: the metadata lacks '/sample', '/person'; '/run' must be an integer, but is the text 'x' (as JSON "
      "pointers; demanded by the dropbox of line 5)");
}

TEST(Judge, OtherDropboxesDemandNothing) {
  const Rules some =
      rules("    - {regexp: '.*pdf', path: /d, requires_barcode: no, required_metadata: [sample]}\n" + kAny);
  EXPECT_THAT(to(some, "u", "a.pdf"), testing::HasSubstr("lacks '/sample'"));
  EXPECT_EQ(to(some, "u", "a.txt"), "/any");
}

TEST(Judge, TheBarcodeComesBeforeTheMetadata) {
  const Rules some = rules("    - {regexp: '.*', path: /d, required_metadata: [sample]}\n");
  EXPECT_THAT(to(some, "u", "a.txt"), testing::HasSubstr("barcode"));
  EXPECT_THAT(to(some, "u", "QQBIC001AH.txt"), testing::HasSubstr("lacks '/sample'"));
}

TEST(Judge, TellsModeAndGroupOfTheDropbox) {
  const auto judged = demanding("mode: 0770, group: beamline").judge("u", "a", "{}");
  ASSERT_TRUE(std::holds_alternative<Destination>(judged)) << said(judged);
  const Access expected{.mode = 0770, .group = 4711};
  EXPECT_EQ(std::get<Destination>(judged).access, expected);
  const auto plain = rules(kAny).judge("u", "a", "{}");
  EXPECT_EQ(std::get<Destination>(plain).access, Access{});
}

TEST(BadSchema, StopsTheStartWithItsLineFileAndKeyword) {
  const auto complaint = [](const std::string& schema) {
    try {
      demanding("schema: s.json", schema);
      return std::string("accepted");
    } catch (const config::Error& e) {
      return std::string(e.what());
    }
  };
  EXPECT_THAT(
      complaint(R"({"properties":{"a":{"format":"date"}}})"),
      testing::StartsWith("/etc/c.yaml:5: storage.dropboxes[0].schema: /etc/s.json: at "
                          "'/properties/a/format': the keyword 'format' is not checked here, remove it; "));
  EXPECT_EQ(
      complaint("{\n,}"),
      "/etc/c.yaml:5: storage.dropboxes[0].schema: /etc/s.json: in line 2: this is no valid JSON, correct it "
      "there or above");
  EXPECT_EQ(complaint(""), "/etc/c.yaml:5: storage.dropboxes[0].schema: /etc/s.json was not read");
}

TEST(Judge, NameMetadataDropboxBarcodeInThisOrder) {
  const Rules strict = rules("    - {regexp: '.*pdf', path: /d}\n");
  EXPECT_THAT(to(strict, "u", "../x", "["), testing::HasSubstr("directory part"));
  EXPECT_THAT(to(strict, "u", "\xc3\xa4", "["), testing::HasSubstr("has none of"));
  EXPECT_THAT(to(strict, "u", "a.doc", "["), testing::HasSubstr("JSON"));
  EXPECT_THAT(to(strict, "u", "a.doc", "{}"), testing::HasSubstr("no dropbox"));
  EXPECT_THAT(to(strict, "u", "a.pdf", "{}"), testing::HasSubstr("no barcode"));
}

TEST(Judge, ARunawayRegexpIsARefusal) {
  EXPECT_EQ(to(rules("    - {regexp: '(a+)+$', path: /d}\n"), "u", std::string(60, 'a') + "b"),
            "422: the regexp of line 5 takes too long for the name '" + std::string(60, 'a') +
                "b'; use a simpler name, and tell the server's operator to simplify the regexp");
}

TEST(Judge, MetadataIsBoundedByTheConfig) {
  const Rules small = Rules(
      config::parse("storage:\n  tmp_dir: /t\n  path: /p\nlimits: {max_metadata: 1024}\n", "/c.yaml", "/h"));
  EXPECT_EQ(to(small, "u", "a", std::string(1025, ' ')),
            "413: the metadata has 1025 bytes; shorten it to 1024 at most");
}

TEST(BadRegexp, StopsTheStartWithItsLine) {
  try {
    rules(kPdf + "    - path: /d\n      regexp: 'a('\n");
    FAIL() << "accepted";
  } catch (const config::Error& e) {
    EXPECT_STREQ(e.what(),
                 "/c.yaml:7: storage.dropboxes[1].regexp: 'a(' is no regular expression: missing closing "
                 "parenthesis at "
                 "character 2");
  }
}

class Passthrough : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "dync-rules-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    manual_ = name;
    fs::create_directory(manual_ / "lab_1");
  }
  void TearDown() override { fs::remove_all(manual_); }
  Rules with_manual() const { return rules(kPdf, "  manual: " + manual_.native() + "\n"); }

  fs::path manual_;
};

TEST_F(Passthrough, GoesAroundRulesAndBarcodes) {
  const auto judged = with_manual().judge("u", "any thing.doc", R"({"passthrough":"lab_1"})");
  ASSERT_TRUE(std::holds_alternative<Destination>(judged)) << said(judged);
  EXPECT_EQ(std::get<Destination>(judged).directory, manual_ / "lab_1");
  EXPECT_EQ(std::get<Destination>(judged).clean_name, "anything.doc");
  EXPECT_TRUE(std::get<Destination>(judged).passthrough);
}

TEST_F(Passthrough, GoesAroundWhatDropboxesDemand) {
  const Rules strict = rules("    - {regexp: '.*', path: /d, required_metadata: [sample], mode: 0770}\n",
                             "  manual: " + manual_.native() + "\n");
  const auto judged = strict.judge("u", "a", R"({"passthrough":"lab_1"})");
  ASSERT_TRUE(std::holds_alternative<Destination>(judged)) << said(judged);
  EXPECT_EQ(std::get<Destination>(judged).access, Access{});
}

TEST_F(Passthrough, NeedsItsDirectory) {
  EXPECT_EQ(to(with_manual(), "u", "a.pdf", R"({"passthrough":"lab_2"})"),
            "422: this server has no directory for passthrough 'lab_2'; correct the word, or ask its "
            "operator to make the "
            "directory");
}

TEST_F(Passthrough, NeedsManual) {
  EXPECT_EQ(to(rules(kPdf), "u", "a.pdf", R"({"passthrough":"lab_1"})"),
            "422: this server takes no passthrough; remove that key from the metadata");
}

TEST_F(Passthrough, NeverLeavesManual) {
  EXPECT_THAT(to(with_manual(), "u", "a.pdf", R"({"passthrough":"../lab_1"})"), testing::StartsWith("400: "));
}

}  // namespace
}  // namespace dync::rules::judge_test
