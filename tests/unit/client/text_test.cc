#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "client/first_connect.h"
#include "client/metadata.h"
#include "client/progress.h"
#include "client/receipts.h"
#include "client/sentences.h"
#include "client/text_width.h"
#include "proto/digest/sha256.h"
#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "tests/unit/temporary_directory.h"

namespace dync::client::text_test {
namespace {

using namespace std::chrono_literals;

// ---- receipts ----

TEST(Receipts, Sha256sumAcceptsTheLineForAnyName) {
  const tests::TemporaryDirectory directory;
  std::string lines;
  for (const std::string name : {"plain", "two words", "back\\slash", "new\nline", "carriage\rreturn",
                                 " lead", "*star", "ä€𝄞", "bad\xff utf", "all\\\n\r"}) {
    std::ofstream(directory / name) << "content of " << name;
    digest::Sha256 hash;
    const std::string content = "content of " + name;
    hash.update(std::as_bytes(std::span(content)));
    ReceiptLine receipt;
    receipt.file = name;
    receipt.sha256 = digest::to_hex(hash.value());
    lines += checksum_line(receipt);
  }
  ReceiptLine stream;
  stream.checkable = false;
  stream.name = "from\nstdin";
  stream.sha256 = std::string(64, '0');
  lines += checksum_line(stream);
  std::ofstream(directory / "SUMS") << lines;
  const std::string command = "cd '" + directory.path().string() + "' && sha256sum -c --strict --quiet SUMS";
  EXPECT_EQ(std::system(command.c_str()), 0) << lines;
}

TEST(Receipts, AStreamsLineIsACommentWithTheNameOnTheServer) {
  ReceiptLine receipt;
  receipt.file = "-";
  receipt.name = "run\n7.tar";
  receipt.checkable = false;
  receipt.sha256 = "ab";
  EXPECT_EQ(checksum_line(receipt), "# ab  run\\n7.tar\n");
}

TEST(Receipts, JsonIsOneLineWithNullForWhatIsNotKnown) {
  ReceiptLine receipt;
  receipt.file = "a\nb\xff";
  receipt.name = "b";
  receipt.size = 7;
  receipt.seconds = 1.23456;
  receipt.attempts = 2;
  receipt.error = "no \"room\"";
  receipt.code = 507;
  const std::string line = json_line(receipt);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto object = nlohmann::json::parse(line);
  EXPECT_EQ(object["file"], "a\nb\xEF\xBF\xBD");
  EXPECT_EQ(object["size"], 7);
  EXPECT_EQ(object["seconds"], 1.234);
  EXPECT_EQ(object["attempts"], 2);
  EXPECT_EQ(object["stored"], false);
  EXPECT_EQ(object["error"], "no \"room\"");
  EXPECT_EQ(object["code"], 507);
  EXPECT_TRUE(object["sha256"].is_null());
  EXPECT_TRUE(object["upload_id"].is_null());
  EXPECT_TRUE(object["destination"].is_null());
}

TEST(Receipts, AFullDeviceIsAnError) {
  const posix::Fd full = posix::open_file("/dev/full", O_WRONLY);
  EXPECT_THROW(write_out(full.get(), "line\n"), posix::Error);
}

// ---- metadata ----

std::string merged(std::string_view text, const KeyValues& over = {}) {
  const auto result = merge_metadata(text, over);
  const auto* good = std::get_if<std::string>(&result);
  return good != nullptr ? *good : "! " + std::get<MetadataProblem>(result).sentence;
}

TEST(Metadata, KeyValuesWinAndTheOrderIsKept) {
  EXPECT_EQ(merged(R"({"z": 1, "a": {"x": [true, null]}})", {{"z", "2"}, {"n", "a:b"}, {"n", "c"}}),
            R"({"z":"2","a":{"x":[true,null]},"n":"c"})");
  EXPECT_EQ(merged(""), "{}");
}

TEST(Metadata, NumbersStayWhatTheyAre) {
  EXPECT_EQ(merged(R"({"a": 18446744073709551615, "b": -5, "c": 1.5})"),
            R"({"a":18446744073709551615,"b":-5,"c":1.5})");
}

TEST(Metadata, ErrorsTellLineAndColumn) {
  EXPECT_EQ(merged("{\n  \"a\": 1,\n  \"b\" 2\n}").substr(0, 19), "! line 3, column 7:");
  EXPECT_EQ(merged("{\"a\": }").substr(0, 19), "! line 1, column 7:");
  EXPECT_EQ(merged("{\"a\": 1").substr(0, 10), "! line 1, ");
}

TEST(Metadata, ADoubledKeyIsRefusedWhereItStands) {
  const std::string told = merged("{\"a\": 1,\n \"b\": {\"c\": 1, \"c\": 2}}");
  EXPECT_EQ(told.substr(0, 9), "! line 2,");
  EXPECT_NE(told.find("\"c\" is there twice"), std::string::npos);
  EXPECT_EQ(merged(R"({"a": {"k": 1}, "b": {"k": 1}, "c": [{"k": 1}, {"k": 2}]})").front(), '{');
}

TEST(Metadata, OnlyAnObjectWithoutNanOrAbyssIsTaken) {
  EXPECT_EQ(merged("[1]").front(), '!');
  EXPECT_EQ(merged("\"text\"").front(), '!');
  EXPECT_EQ(merged("{\"a\": NaN}").front(), '!');
  EXPECT_EQ(merged("{\"a\": \"\xff\"}").front(), '!');
  EXPECT_EQ(merged("{} {}").front(), '!');
  EXPECT_EQ(merged("", {{"a", "\xff"}}).front(), '!');
  EXPECT_EQ(merged("{\"a\": 1e999}").front(), '!');
  EXPECT_NE(merged("{\"a\":" + std::string(100000, '[')).find("nested deeper"), std::string::npos);
}

// ---- progress ----

ProgressView view_of(std::string name, Stage stage = Stage::sending) {
  ProgressView view;
  view.name = std::move(name);
  view.done = 1'234'567'890;
  view.total = 4'000'000'000;
  view.rate = 98'765'432;
  view.stage = stage;
  return view;
}

TEST(Progress, FitsIntoEveryWidthWithEveryNameInEveryStage) {
  for (const std::string name :
       {"a", "a rather long name of a file from an instrument with a date 2026-01-31.raw",
        "測定データの長い名前のファイル二〇二六年一月三十一日の結果.raw", "e\xCC\x81\xCC\x82.raw",
        "bad\xff\n\x1b[31m.raw"}) {
    for (const Stage stage :
         {Stage::connecting, Stage::asking, Stage::refused_for_now, Stage::waiting, Stage::silent,
          Stage::sending, Stage::reconnecting, Stage::verifying, Stage::over}) {
      for (std::size_t width = 1; width <= 200; ++width) {
        const std::string line = render_bar(view_of(name, stage), width);
        EXPECT_LE(columns_of(line), std::max<std::size_t>(width - 1, 1)) << width << line;
        EXPECT_EQ(line.find_first_of("\n\r\x1b"), std::string::npos);
      }
    }
  }
}

TEST(Progress, ShowsNameBarPercentBytesRateAndTimeLeft) {
  const std::string line = render_bar(view_of("run7.raw"), 100);
  EXPECT_EQ(line.find("run7.raw  [###"), 0u) << line;
  for (const char* part : {" 30%", "1.2 GB", "99 MB/s", "0:28"}) {
    EXPECT_NE(line.find(part), std::string::npos) << line;
  }
}

TEST(Progress, ANarrowTerminalKeepsThePercentage) {
  EXPECT_NE(render_bar(view_of("some-long-name.raw"), 20).find("30%"), std::string::npos);
}

TEST(Progress, SaysWhatItWaitsFor) {
  EXPECT_NE(render_bar(view_of("a", Stage::waiting), 80).find("waiting for the server's capacity"),
            std::string::npos);
  EXPECT_NE(render_bar(view_of("a", Stage::silent), 80).find("no answer from the server"), std::string::npos);
  EXPECT_NE(render_bar(view_of("a", Stage::reconnecting), 80).find("reconnecting"), std::string::npos);
  EXPECT_NE(render_log_line(view_of("a", Stage::verifying)).find("verifying"), std::string::npos);
}

TEST(Progress, AStreamHasNoBarAndAnEmptyFileNoDivision) {
  ProgressView view = view_of("s");
  view.total.reset();
  EXPECT_EQ(render_bar(view, 80).find('['), std::string::npos);
  view.total = 0;
  view.done = 0;
  EXPECT_NE(render_bar(view, 80).find("0%"), std::string::npos);
}

TEST(Progress, LogLineTellsAll) {
  EXPECT_EQ(render_log_line(view_of("run7.raw")), "run7.raw: 1.2 GB of 4.0 GB (30%), 99 MB/s, 0:28 left");
}

TEST(Progress, UnitsAndTimesRoundCleanly) {
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1000), "1.0 kB");
  EXPECT_EQ(human_bytes(9'940), "9.9 kB");
  EXPECT_EQ(human_bytes(9'960), "10 kB");
  EXPECT_EQ(human_bytes(999'400), "999 kB");
  EXPECT_EQ(human_bytes(999'600), "1.0 MB");
  EXPECT_EQ(human_bytes(~0ULL), "18 EB");
  EXPECT_EQ(human_time(7s), "0:07");
  EXPECT_EQ(human_time(3723s), "1:02:03");
  EXPECT_EQ(human_time(50h), "2 d");
}

TEST(Progress, MeterForgetsWhatIsLongAgoAndSurvivesARewind) {
  Meter meter;
  Time now{1h};
  for (int i = 0; i <= 30; ++i) meter.add(static_cast<std::uint64_t>(i) * 1000, now += 1s);
  EXPECT_NEAR(meter.rate(), 1000, 1);
  meter.add(5, now += 1s);
  EXPECT_EQ(meter.rate(), 0);
  for (int i = 1; i <= 5; ++i) meter.add(static_cast<std::uint64_t>(i) * 50 + 5, now += 1s);
  EXPECT_NEAR(meter.rate(), 50, 1);
}

TEST(TextWidth, CutsBetweenCharactersAndKeepsBothEnds) {
  EXPECT_EQ(fit("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(fit("abcdefghij", 5), "ab…ij");
  EXPECT_EQ(fit("測定データ", 5), "測…タ");
  EXPECT_EQ(fit("abc", 1), "…");
  EXPECT_EQ(fit("abc", 0), "");
}

TEST(Printable, OthersWordsCantMoveTheCursor) {
  EXPECT_EQ(printable("ok ä"), "ok ä");
  EXPECT_EQ(printable("\x1b[2J\r\n"), "\\x1b[2J\\x0d\\x0a");
  EXPECT_EQ(printable("\xff\xe2\x80\xae"), "\\xff\\xe2\\x80\\xae");
}

// ---- the first connect ----

using Event = transport::ConnectionEvent::Kind;

TEST(FirstConnect, TellsEachFaultApart) {
  const Time begin{1h};
  FirstConnect refused(5s, begin);
  refused.event(Event::connected);
  refused.event(Event::refused_key);
  EXPECT_EQ(refused.fault(begin), ConnectFault::refused_key);

  FirstConnect foreign(5s, begin);
  for (int i = 0; i < 4; ++i) {
    foreign.event(Event::connected);
    foreign.event(Event::disconnected);
    foreign.event(Event::retrying);
  }
  EXPECT_EQ(foreign.fault(begin + 1s), std::nullopt) << "a shaky link breaks handshakes too";
  EXPECT_EQ(foreign.fault(begin + 3s), ConnectFault::no_handshake) << "sooner than one that nobody answers";

  FirstConnect nobody(5s, begin);
  nobody.event(Event::retrying);
  EXPECT_EQ(nobody.fault(begin + 4s), std::nullopt);
  EXPECT_EQ(nobody.fault(begin + 5s), ConnectFault::unreachable);

  FirstConnect mute(5s, begin);
  mute.event(Event::connected);
  EXPECT_EQ(mute.fault(begin + 5s), ConnectFault::no_handshake);
}

TEST(FirstConnect, IsQuietOnceAConnectionWasThere) {
  FirstConnect first(5s, Time{1h});
  first.event(Event::connected);
  first.event(Event::ready);
  for (int i = 0; i < 9; ++i) first.event(Event::disconnected);
  EXPECT_EQ(first.fault(Time{2h}), std::nullopt);
}

}  // namespace
}  // namespace dync::client::text_test
