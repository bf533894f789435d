#include "client/options.h"

#include <gtest/gtest.h>

namespace dync::client::options_test {
namespace {

std::variant<Options, EarlyExit> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "dync");
  return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

Options good(std::vector<const char*> arguments) {
  auto result = parse(std::move(arguments));
  if (const auto* early = std::get_if<EarlyExit>(&result)) ADD_FAILURE() << early->text;
  return std::holds_alternative<Options>(result) ? std::get<Options>(result) : Options{};
}

std::string refused(std::vector<const char*> arguments) {
  const auto result = parse(std::move(arguments));
  const auto* early = std::get_if<EarlyExit>(&result);
  if (early == nullptr) return "";
  EXPECT_EQ(early->code, 2);
  EXPECT_EQ(early->text.find("dync: "), 0u);
  EXPECT_EQ(early->text.find('\n'), early->text.size() - 1) << early->text;
  return early->text;
}

TEST(OptionsOfDync, TheOriginalsCommandLine) {
  const Options options = good({"-m", "meta.json", "-n", "name.raw", "-k", "a:b", "--key-value", "c:d:e",
                                "-p", "9000", "host.example", "file.raw"});
  EXPECT_EQ(options.meta_file, "meta.json");
  EXPECT_EQ(options.name, "name.raw");
  EXPECT_EQ(options.key_values, (KeyValues{{"a", "b"}, {"c", "d:e"}}));
  EXPECT_EQ(options.server, (ServerAddress{"host.example", 9000}));
  EXPECT_EQ(options.files, std::vector<std::string>{"file.raw"});
}

TEST(OptionsOfDync, OptionsMayFollowTheFilesAndAKeyValueTakesOneWord) {
  const Options options = good({"host", "-k", "a:b", "x", "y", "--json", "-q"});
  EXPECT_EQ(options.files, (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(options.json);
  EXPECT_TRUE(options.quiet);
  EXPECT_EQ(good({"host", "--", "-odd"}).files, std::vector<std::string>{"-odd"});
}

TEST(OptionsOfDync, ResumesUnlessToldOtherwise) {
  EXPECT_TRUE(good({"host", "x"}).resume);
  EXPECT_FALSE(good({"--no-resume", "host", "x"}).resume);
  EXPECT_NE(refused({"--no-resume=true", "host", "x"}), "");
}

TEST(OptionsOfDync, StandardInputNeedsAName) {
  EXPECT_EQ(good({"-n", "x", "host"}).files, std::vector<std::string>{"-"});
  EXPECT_EQ(good({"-n", "x", "host", "-"}).files, std::vector<std::string>{"-"});
  EXPECT_NE(refused({"host"}).find("--name"), std::string::npos);
  EXPECT_NE(refused({"host", "-"}).find("--name"), std::string::npos);
  EXPECT_NE(refused({"host", "file", "-"}).find("--name"), std::string::npos);
}

TEST(OptionsOfDync, WrongUseIsOneSentenceAndExitCode2) {
  EXPECT_NE(refused({}), "");
  EXPECT_NE(refused({"--nonsense", "host", "f"}), "");
  EXPECT_NE(refused({"-p", "0", "host", "f"}), "");
  EXPECT_NE(refused({"-p", "65536", "host", "f"}), "");
  EXPECT_NE(refused({"-p", "x", "host", "f"}), "");
  EXPECT_NE(refused({"-k", "novalue", "host", "f"}).find("colon"), std::string::npos);
  EXPECT_NE(refused({"-n", "a", "host", "f", "g"}).find("--name"), std::string::npos);
  EXPECT_NE(refused({"-n", "", "host", "f"}), "");
  EXPECT_NE(refused({"--progress", "often", "host", "f"}), "");
  EXPECT_NE(refused({"--timeout", "0", "host", "f"}), "");
  EXPECT_NE(refused({"--timeout", "-5", "host", "f"}), "");
  EXPECT_NE(refused({"host:1", "-p", "2", "f"}).find("port"), std::string::npos);
  for (const char* bad : {"", "host:", "host:0", "host:99999", "host:1x", "::1", "[::1", "[::1]x",
                          "tcp://host", "a b", "[]", "host/x"}) {
    EXPECT_NE(refused({bad, "f"}), "") << bad;
  }
}

TEST(OptionsOfDync, ServersByNameAddressAndPort) {
  EXPECT_EQ(parse_server("host", 8889), (ServerAddress{"host", 8889}));
  EXPECT_EQ(parse_server("host:1", 8889), (ServerAddress{"host", 1}));
  EXPECT_EQ(parse_server("10.0.0.1", 7), (ServerAddress{"10.0.0.1", 7}));
  EXPECT_EQ(parse_server("[::1]", 7), (ServerAddress{"::1", 7}));
  EXPECT_EQ(parse_server("[fe80::1%eth0]:65535", 7), (ServerAddress{"fe80::1%eth0", 65535}));
}

TEST(OptionsOfDync, HelpAndVersionGoToStandardOutput) {
  for (const char* option : {"--help", "--version"}) {
    const auto result = parse({option});
    ASSERT_TRUE(std::holds_alternative<EarlyExit>(result));
    EXPECT_EQ(std::get<EarlyExit>(result).code, 0);
    EXPECT_NE(std::get<EarlyExit>(result).text.find("dync"), std::string::npos);
  }
}

}  // namespace
}  // namespace dync::client::options_test
