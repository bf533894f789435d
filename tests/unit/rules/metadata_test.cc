#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/limits/limits.h"
#include "tests/unit/rules/refusal.h"

namespace dync::rules::metadata_test {
namespace {

constexpr std::size_t kMost = 65536;

std::string refused(std::string_view json) {
  return said(parse_metadata(json, kMost));
}

Metadata read(std::string_view json) {
  const auto metadata = parse_metadata(json, kMost);
  EXPECT_EQ(said(metadata), "") << json;
  return std::holds_alternative<Metadata>(metadata) ? std::get<Metadata>(metadata) : Metadata{};
}

std::string nested(std::size_t levels, const std::string& open, const std::string& close) {
  std::string text = "{\"a\":";
  for (std::size_t i = 1; i < levels; ++i) text += open;
  text += "1";
  for (std::size_t i = 1; i < levels; ++i) text += close;
  return text + "}";
}

TEST(Metadata, AnyObjectIsTaken) {
  for (const char* json : {"{}", " { } \n", R"({"a":1})", R"({"a":{"b":[1,2,{"c":null}]},"b":-1.5e3})",
                           "{\"m\xc3\xa4use\":\"\\u00e4\"}", R"({"a":18446744073709551615})"}) {
    EXPECT_FALSE(read(json).untar) << json;
    EXPECT_FALSE(read(json).passthrough) << json;
  }
}

TEST(Metadata, UntarIsTrueInTwoSpellings) {
  for (const char* json : {R"({"untar":true})", R"({"untar":"True"})"}) {
    EXPECT_TRUE(read(json).untar) << json;
  }
  for (const char* json : {R"({"untar":false})", R"({"untar":"False"})", R"({"untar":"true"})",
                           R"({"untar":"yes"})", R"({"untar":"TRUE"})", R"({"untar":1})", R"({"untar":null})",
                           R"({"untar":["True"]})", R"({"a":{"untar":true}})"}) {
    EXPECT_FALSE(read(json).untar) << json;
  }
}

TEST(Metadata, PassthroughIsAWord) {
  EXPECT_EQ(read(R"({"passthrough":"Lab_1"})").passthrough, "Lab_1");
  const std::string rest = "; it must be one word of A-Z, a-z, 0-9 and _";
  EXPECT_EQ(refused(R"({"passthrough":"../etc"})"), "400: the metadata has passthrough '../etc'" + rest);
  EXPECT_EQ(refused(R"({"passthrough":""})"), "400: the metadata has passthrough ''" + rest);
  EXPECT_EQ(refused(R"({"passthrough":"a b"})"), "400: the metadata has passthrough 'a b'" + rest);
  EXPECT_EQ(refused(R"({"passthrough":"a\u0000"})"), "400: the metadata has passthrough 'a\\u0000'" + rest);
  EXPECT_EQ(refused(R"({"passthrough":5})"), "400: the metadata has passthrough that is no text" + rest);
  EXPECT_EQ(refused(R"({"passthrough":null})"), "400: the metadata has passthrough that is no text" + rest);
}

TEST(Metadata, OnlyAnObject) {
  for (const char* json : {"[]", "1", "\"a\"", "null", "true", "[{}]"}) {
    EXPECT_EQ(refused(json), R"(400: the metadata is no JSON object; write it as {"key": "value"})") << json;
  }
}

TEST(Metadata, WhatIsNoJsonIsTold) {
  EXPECT_EQ(refused(""), "400: the metadata is empty; send a JSON object, {} at least");
  EXPECT_EQ(refused("  "), "400: the metadata is empty; send a JSON object, {} at least");
  EXPECT_EQ(refused("{\"a\":\"\xff\"}"), "400: the metadata is not UTF-8; save it as UTF-8");
  for (const char* json : {"{", "}", "{a:1}", "{'a':1}", "{\"a\":1,}", "{\"a\" 1}", "{\"a\":1} {}",
                           "{\"a\":1}x", "{\"a\":[1 2]}", "{\"a\":[1}}", "{\"a\":tru}", "{\"a\":NaN}",
                           "{\"a\":Infinity}", "{\"a\":-Infinity}", "{/**/}"}) {
    EXPECT_THAT(refused(json), testing::StartsWith("400: the metadata ")) << json;
  }
  for (const char* json :
       {"{\"a\":1e400}", "{\"a\":99999999999999999999}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":-}"}) {
    EXPECT_EQ(refused(json),
              "400: the metadata holds a number that JSON doesn't know or that needs more than 64 bits; "
              "write it in quotes")
        << json;
  }
  for (const char* json : {"{\"a\":\"\\x\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\n\"}", "{\"a\":\"b"}) {
    EXPECT_EQ(refused(json),
              "400: the metadata holds a text that isn't closed or has a bad escape or control character; "
              "correct it")
        << json;
  }
  EXPECT_NE(refused(std::string_view("{\"a\":1}\0", 8)), "");
}

TEST(Metadata, AKeyTwiceIsNamed) {
  EXPECT_EQ(refused(R"({"a":1,"b":2,"a":3})"), "400: the metadata has the key 'a' twice; keep one of them");
  EXPECT_EQ(refused(R"({"a":1,"\u0061":2})"), "400: the metadata has the key 'a' twice; keep one of them");
  EXPECT_EQ(refused(R"({"x":[{"k":1,"k":1}]})"), "400: the metadata has the key 'k' twice; keep one of them");
  EXPECT_EQ(refused(R"({"":1,"":2})"), "400: the metadata has the key '' twice; keep one of them");
  EXPECT_EQ(refused(R"({"a":{"k":1},"b":{"k":1}})"), "");
}

TEST(Metadata, DepthEndsAtTheLimit) {
  const std::string deep = "400: the metadata is nested deeper than 16 levels; make it flatter";
  EXPECT_EQ(refused(nested(limits::kMaxMetadataDepth, "[", "]")), "");
  EXPECT_EQ(refused(nested(limits::kMaxMetadataDepth + 1, "[", "]")), deep);
  EXPECT_EQ(refused(nested(limits::kMaxMetadataDepth, "{\"a\":", "}")), "");
  EXPECT_EQ(refused(nested(limits::kMaxMetadataDepth + 1, "{\"a\":", "}")), deep);
  EXPECT_EQ(refused(nested(2000, "[", "]")), deep);
  EXPECT_NE(refused(std::string(60000, '[')), "");
}

TEST(Metadata, SizeEndsAtTheLimit) {
  const std::string head = R"({"a":")";
  const std::string tail = R"("})";
  const std::string fits = head + std::string(kMost - head.size() - tail.size(), 'x') + tail;
  EXPECT_EQ(refused(fits), "");
  EXPECT_EQ(refused(fits + " "), "413: the metadata has 65537 bytes; shorten it to 65536 at most");
}

}  // namespace
}  // namespace dync::rules::metadata_test
