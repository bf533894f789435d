#include "schema/config/scalar.h"

#include <gtest/gtest.h>

namespace dync::config {
namespace {

// Each expectation was read from PyYAML's safe_load.
TEST(Scalar, Booleans) {
  for (const char* word : {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"}) {
    EXPECT_EQ(read_plain(word).kind, Kind::boolean) << word;
    EXPECT_TRUE(read_plain(word).truth) << word;
  }
  for (const char* word : {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"}) {
    EXPECT_EQ(read_plain(word).kind, Kind::boolean) << word;
    EXPECT_FALSE(read_plain(word).truth) << word;
  }
  for (const char* word : {"nO", "yEs", "y", "n", "Y", "N", "tRUE", "no ", "none"}) {
    EXPECT_EQ(read_plain(word).kind, Kind::text) << word;
  }
}

TEST(Scalar, Null) {
  for (const char* word : {"", "~", "null", "Null", "NULL"})
    EXPECT_EQ(read_plain(word).kind, Kind::null) << word;
  EXPECT_EQ(read_plain("nULL").kind, Kind::text);
}

TEST(Scalar, Integers) {
  const std::pair<const char*, std::int64_t> known[] = {{"0", 0},
                                                        {"-0", 0},
                                                        {"7", 7},
                                                        {"+7", 7},
                                                        {"-7", -7},
                                                        {"0077", 63},
                                                        {"077", 63},
                                                        {"-010", -8},
                                                        {"0o77", 63},
                                                        {"0x1F", 31},
                                                        {"0b101", 5},
                                                        {"1_000", 1000},
                                                        {"0_7", 7},
                                                        {"1:30", 90},
                                                        {"1:00:00", 3600},
                                                        {"-1:30", -90},
                                                        {"0x_1", 1},
                                                        {"00", 0},
                                                        {"1048576", 1048576},
                                                        {"9223372036854775807", 9223372036854775807}};
  for (const auto& [word, value] : known) {
    EXPECT_EQ(read_plain(word).kind, Kind::integer) << word;
    EXPECT_EQ(read_plain(word).number, value) << word;
  }
}

TEST(Scalar, TooLargeIsAnIntegerWithoutValue) {
  for (const char* word : {"9223372036854775808", "0xffffffffffffffffff", "99999999999999999999:30"}) {
    EXPECT_EQ(read_plain(word).kind, Kind::integer) << word;
    EXPECT_FALSE(read_plain(word).number) << word;
  }
}

TEST(Scalar, Reals) {
  for (const char* word : {"1.5", "1.", ".5", "-1.5", "1.5e+3", ".inf", "-.INF", ".NaN", "1:30.5", "1_0.5"}) {
    EXPECT_EQ(read_plain(word).kind, Kind::real) << word;
  }
}

TEST(Scalar, AnythingElseIsText) {
  for (const char* word :
       {"abc", "08", "1e3",   "1.5e3",      "0x", "0b",    "0b2",   "1:60", "1:", ":1",  "-",  "+",
        ".",   "..", "/data", "2024-01-31", "_1", "1 MiB", "1.2.3", "=",    "<<", "0o8", "--1"}) {
    EXPECT_EQ(read_plain(word).kind, Kind::text) << word;
  }
}

}  // namespace
}  // namespace dync::config
