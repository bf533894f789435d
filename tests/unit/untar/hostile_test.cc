#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/limits/untar_exit.h"
#include "tests/unit/untar/archives.h"

namespace dync::untar::hostile_test {
namespace {

using namespace limits::untar_exit;
using testing::HasSubstr;

Raw file(const std::string& name, const std::string& data = "x") {
  return {.name = name, .data = data, .link = {}, .size = {}};
}
Raw special(const std::string& name, char type, const std::string& link = {}) {
  return {.name = name, .type = type, .data = {}, .link = link, .size = {}};
}

// Refused with a sentence that has `why` in it, and nothing left.
void expect_refused(const std::string& archive, const std::string& why,
                    const Limits& limits = {10, 1U << 30U, 200}) {
  const Result result = run(archive, limits);
  EXPECT_EQ(result.signal, 0);
  EXPECT_EQ(result.code, kRefused) << result.report;
  EXPECT_THAT(result.report, HasSubstr(why));
  EXPECT_EQ(result.report.find('\n'), std::string::npos);
  EXPECT_TRUE(result.tree.empty()) << result.tree.begin()->first;
}

TEST(Hostile, TopThatIsNoCleanName) {
  expect_refused(tar({file("a b")}), "not a clean name");
  expect_refused(tar({file(".MARKER_is_finished_x")}), "not a clean name");
  expect_refused(tar({special("./", '5'), file("./a")}), "'./'");
  expect_refused(tar({special(".", '5')}), "'.'");
}

TEST(Hostile, PathsThatLeave) {
  expect_refused(tar({file("/etc/x")}), "absolute path");
  expect_refused(tar({file("../x")}), "`..`");
  expect_refused(tar({special("t", '5'), file("t/../../x")}), "`..`");
  expect_refused(tar({special("t", '5')}).substr(0, 512) + pax({{"path", "../../x"}}) + tar({file("t/a")}),
                 "`..`");
  expect_refused(pax({{"path", "/tmp/x"}}) + tar({file("t/a")}), "");
}

TEST(Hostile, Links) {
  expect_refused(tar({special("t", '5'), special("t/l", '2', "/etc/passwd")}), "is a link");
  expect_refused(tar({file("t/a"), special("t/l", '1', "t/a")}), "is a link");
  expect_refused(tar({special("t", '2', "/tmp"), file("t/x")}), "is a link");
}

TEST(Hostile, DevicesAndFifos) {
  expect_refused(tar({special("t", '3')}), "neither a file nor a directory");
  expect_refused(tar({special("t", '4')}), "neither a file nor a directory");
  expect_refused(tar({special("t", '6')}), "neither a file nor a directory");
}

TEST(Hostile, SparseOfATerabyte) {
  const std::map<std::string, std::string> sparse = {{"GNU.sparse.major", "1"},
                                                     {"GNU.sparse.minor", "0"},
                                                     {"GNU.sparse.name", "t"},
                                                     {"GNU.sparse.realsize", "1099511627776"}};
  expect_refused(pax(sparse) + tar({file("t", "1\n0\n1\n" + std::string(506, '\0') + "x")}), "");
}

TEST(Hostile, NamesTwice) {
  expect_refused(tar({file("t/a"), file("t/a")}), "twice");
  expect_refused(tar({file("t/a"), file("t/A")}), "twice");
  expect_refused(tar({file("t"), file("t/a")}), "each other's way");
}

TEST(Hostile, TooMuch) {
  expect_refused(tar({file("t/a", std::string(600, 'x')), file("t/b", std::string(500, 'x'))}),
                 "larger than 1000 bytes", {10, 1000, 200});
  expect_refused(tar({{.name = "t", .data = "x", .link = {}, .size = "77777777777"}}), "larger than");
  expect_refused(gzip(tar({file("t", std::string(1 << 20, '\0'))})), "more than 200 times");
  expect_refused(gzip(tar({file("t")}) + std::string(1 << 20, '\0')), "more than 200 times");
}

TEST(Hostile, TruncatedAnywhere) {
  const std::string whole = tar({special("t", '5'), file("t/a", std::string(700, 'a')), file("t/b", "b")});
  for (std::size_t length = 512; length < whole.size(); length += 100) {
    SCOPED_TRACE(length);
    expect_refused(whole.substr(0, length), "truncated");
  }
  expect_refused(whole.substr(0, whole.size() - 1024), "end mark is missing");
  expect_refused(whole.substr(0, whole.size() - 512), "end mark is missing");
}

TEST(Hostile, TruncatedGzip) {
  std::string data;
  for (int i = 0; i < 40000; ++i) data += std::to_string(i * 7919 % 10007);
  const std::string whole = gzip(tar({special("t", '5'), file("t/a", data)}));
  for (const std::size_t missing : {1U, 8U, 9U, 100U, 1000U}) {
    SCOPED_TRACE(missing);
    expect_refused(whole.substr(0, whole.size() - missing), "truncated");
  }
  std::string flipped = whole;
  flipped[flipped.size() - 6] = static_cast<char>(flipped[flipped.size() - 6] ^ 1);
  expect_refused(flipped, "damaged");
}

TEST(Hostile, Concatenated) {
  const std::string one = tar({file("t")});
  expect_refused(one + one, "follow the end of the archive");
  expect_refused(one + "x", "follow the end of the archive");
  expect_refused(gzip(one) + gzip(one), "follow the end of the archive's gzip stream");
  expect_refused(gzip(one) + "x", "follow the end of the archive's gzip stream");
  expect_refused(gzip(one + one), "follow the end of the archive");
  expect_refused(member(file("t")) + std::string(512, '\0') + member(file("t2")) + end_mark(),
                 "follow the end");
}

TEST(Hostile, DamagedLater) {
  std::string broken = tar({special("t", '5'), file("t/a")});
  broken[512] = '?';
  expect_refused(broken, "damaged");
}

TEST(Hostile, Empty) {
  expect_refused(end_mark(), "the archive is empty");
  expect_refused(std::string(10240, '\0'), "the archive is empty");
  expect_refused(gzip(end_mark()), "the archive is empty");
}

TEST(Hostile, NamesThatAreNoText) {
  expect_refused(tar({special("t", '5'), file("t/a\nb")}), "control character");
  expect_refused(tar({special("t", '5'), file("t/a\xff")}), "");
}

TEST(ByHand, IsAUsageError) {
  EXPECT_EQ(WEXITSTATUS(std::system(DYNC_UNTAR " >/dev/null 2>&1 3>&- 4>&- 5>&-")), 2);
  EXPECT_EQ(WEXITSTATUS(std::system(
                DYNC_UNTAR " --max-members 1 --max-bytes 1 --max-ratio 1 >/dev/null 2>&1 3>&- 4>&- 5>&-")),
            2);
  EXPECT_EQ(WEXITSTATUS(std::system(DYNC_UNTAR " --help >/dev/null")), 0);
  EXPECT_EQ(WEXITSTATUS(std::system(DYNC_UNTAR " --version >/dev/null")), 0);
}

}  // namespace
}  // namespace dync::untar::hostile_test
