#include "schema/rules/demands.h"

#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/limits/limits.h"

namespace dync::rules::demands_test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// What is wrong with the metadata; empty if nothing is.
std::string unmet(const std::string& schema, const std::string& metadata,
                  const std::vector<std::string>& keys = {}) {
  return Demands(keys, std::make_shared<Schema>(read_schema(schema))).unmet(metadata).value_or("");
}

// The same for one value, at /v.
std::string value(const std::string& schema, const std::string& json) {
  return unmet(R"({"properties":{"v":)" + schema + "}}", R"({"v":)" + json + "}");
}

std::string refused(const std::string& schema) {
  try {
    read_schema(schema);
    return "";
  } catch (const SchemaError& error) {
    return error.what();
  }
}

TEST(RequiredKeys, EachMissingOneIsNamed) {
  const Demands demands({"sample", "run", "a/b~c"}, nullptr);
  EXPECT_EQ(demands.unmet(R"({"run":null})"), "lacks '/a~1b~0c', '/sample'");
  EXPECT_EQ(demands.unmet(R"({"run":1,"sample":"","a/b~c":[]})"), std::nullopt);
  EXPECT_EQ(demands.unmet(R"({"x":{"run":1,"sample":2},"a/b~c":1})"), "lacks '/run', '/sample'")
      << "only top-level keys count";
}

TEST(RequiredKeys, NoneDemandNothing) {
  EXPECT_EQ(Demands({}, nullptr).unmet("{}"), std::nullopt);
}

TEST(SchemaTypes, EachTakesItsOwnAndNothingElse) {
  const std::map<std::string, std::vector<std::string>> values = {
      {"null", {"null"}},
      {"boolean", {"true", "false"}},
      {"integer", {"0", "-5", "1.0", "1e3", "-0.0", "18446744073709551615", "-9223372036854775808", "1e300"}},
      {"real", {"1.5", "-0.1", "1e-300"}},
      {"string", {"\"\"", "\"true\"", "\"5\""}},
      {"array", {"[]", "[1]"}},
      {"object", {"{}", R"({"a":1})"}}};
  for (const char* type : {"null", "boolean", "integer", "number", "string", "array", "object"}) {
    for (const auto& [kind, jsons] : values) {
      const bool fits =
          kind == type || (std::string(type) == "number" && (kind == "integer" || kind == "real"));
      for (const std::string& json : jsons)
        EXPECT_EQ(value(std::string(R"({"type":")") + type + "\"}", json).empty(), fits)
            << type << " " << json;
    }
  }
}

TEST(SchemaTypes, MayBeSeveral) {
  EXPECT_EQ(value(R"({"type":["integer","null"]})", "null"), "");
  EXPECT_EQ(value(R"({"type":["integer","null"]})", "7"), "");
  EXPECT_EQ(value(R"({"type":["integer","null"]})", "\"7\""),
            "must be corrected: '/v' must be an integer or null, but is the text '7'");
}

TEST(SchemaNumbers, BoundsAreExactToTheLastBit) {
  EXPECT_EQ(value(R"({"minimum":18446744073709551615})", "18446744073709551615"), "");
  EXPECT_EQ(value(R"({"minimum":18446744073709551615})", "18446744073709551614"),
            "must be corrected: '/v' must be at least 18446744073709551615, but is 18446744073709551614");
  EXPECT_EQ(value(R"({"maximum":-9223372036854775808})", "-9223372036854775808"), "");
  EXPECT_EQ(value(R"({"maximum":-9223372036854775808})", "-9223372036854775807"),
            "must be corrected: '/v' must be at most -9223372036854775808, but is -9223372036854775807");
  EXPECT_EQ(value(R"({"maximum":1.5})", "1.5"), "");
  EXPECT_EQ(value(R"({"maximum":1.5})", "1.75"), "must be corrected: '/v' must be at most 1.5, but is 1.75");
  EXPECT_EQ(value(R"({"minimum":1e300})", "1e301"), "");
  EXPECT_EQ(value(R"({"minimum":1})", "\"text\""), "") << "bounds are for numbers";
}

TEST(SchemaTexts, LengthIsInCharacters) {
  EXPECT_EQ(value(R"({"minLength":2,"maxLength":3})", "\"\xc3\xa4\xf0\x9f\x98\x80\""), "");
  EXPECT_EQ(value(R"({"minLength":2})", "\"\xf0\x9f\x98\x80\""),
            "must be corrected: '/v' must have at least 2 characters, but has 1");
  EXPECT_EQ(value(R"({"maxLength":2.0})", "\"abc\""),
            "must be corrected: '/v' must have at most 2 characters, but has 3");
  EXPECT_EQ(value(R"({"maxLength":1})", "[1,2,3]"), "");
}

TEST(SchemaTexts, APatternMayFitAnywhere) {
  EXPECT_EQ(value(R"({"pattern":"b+"})", "\"abba\""), "");
  EXPECT_EQ(value(R"({"pattern":"^b+$"})", "\"abba\""),
            "must be corrected: '/v' must fit the pattern '^b+$', but is 'abba'");
  EXPECT_NE(value(R"({"pattern":"^a$"})", "\"a\\n\""), "") << "`$` is the very end";
  EXPECT_EQ(value(R"({"pattern":"^\\u00e4\\x41$"})",
                  "\"\xc3\xa4"
                  "A\""),
            "");
  EXPECT_NE(value(R"({"pattern":"^\\d$"})", "\"\xd9\xa3\""), "") << "digits are ASCII";
  EXPECT_EQ(value(R"({"pattern":"^\\p{L}+$"})", "\"m\xc3\xa4use\""), "");
  EXPECT_EQ(value(R"({"pattern":"^.$"})", "\"\xf0\x9f\x98\x80\""), "") << "a character, not bytes";
}

TEST(SchemaChoices, EnumAndConstCompareValues) {
  const std::string schema = R"({"enum":["a",1,null,[1,2],{"x":1,"y":[]}]})";
  for (const char* json : {"\"a\"", "1", "1.0", "null", "[1,2]", "[1.0,2]", R"({"y":[],"x":1})"})
    EXPECT_EQ(value(schema, json), "") << json;
  for (const char* json :
       {"\"1\"", "2", "false", "[2,1]", "[1]", R"({"x":1})", R"({"x":1,"y":[],"z":0})", "\"\""})
    EXPECT_NE(value(schema, json), "") << json;
  EXPECT_EQ(value(R"({"enum":["a",3]})", "\"b\""),
            "must be corrected: '/v' must be one of the text 'a', 3, but is the text 'b'");
  EXPECT_EQ(value(R"({"const":true})", "1"), "must be corrected: '/v' must be true, but is 1");
  EXPECT_NE(value(R"({"enum":[{"a":1}]})", R"(["a",1])"), "");
}

TEST(SchemaObjects, AllThatIsWrongIsToldAtOnceWithItsPlace) {
  const std::string schema = R"({
    "type": "object", "required": ["sample", "runs"], "additionalProperties": false,
    "properties": {"sample": {"type": "string"}, "operator": {"type": "string", "minLength": 1},
                   "runs": {"type": "array", "items": {"type": "object", "required": ["id"],
                            "properties": {"id": {"type": "integer"}}}}}})";
  EXPECT_EQ(unmet(schema, R"({"sample":"S1","runs":[{"id":1}]})"), "");
  EXPECT_EQ(unmet(schema, R"({"runs":[{"id":1},{},{"id":"x"}],"operator":"","note":1})"),
            "lacks '/sample', '/runs/1/id'; '/note' must not be there; "
            "'/operator' must have at least 1 characters, but has 0; "
            "'/runs/2/id' must be an integer, but is the text 'x'");
  EXPECT_EQ(unmet(schema, "{}", {"sample", "date"}), "lacks '/date', '/sample', '/runs'")
      << "a key that both demand is named once";
}

TEST(SchemaObjects, AdditionalOnesMayHaveASchema) {
  const std::string schema = R"({"properties":{"a":true},"additionalProperties":{"type":"integer"}})";
  EXPECT_EQ(unmet(schema, R"({"a":"x","b":1})"), "");
  EXPECT_EQ(unmet(schema, R"({"a":"x","b":"y"})"),
            "must be corrected: '/b' must be an integer, but is the text 'y'");
}

TEST(SchemaObjects, TrueAndFalseAreSchemas) {
  EXPECT_EQ(unmet("true", "{}"), "");
  EXPECT_EQ(unmet("false", "{}"), "must be corrected: it must not be there");
  EXPECT_EQ(value("false", "1"), "must be corrected: '/v' must not be there");
  EXPECT_EQ(unmet("{}", R"({"a":1})"), "");
}

TEST(Complaint, StaysBoundedAndSaysHowManyMoreThereAre) {
  std::vector<std::string> keys;
  for (int i = 0; i < 1000; ++i) keys.push_back("key" + std::to_string(i));
  const std::string said = Demands(keys, nullptr).unmet("{}").value_or("");
  EXPECT_LT(said.size(), limits::kMaxComplaint + 1000);
  EXPECT_THAT(said, testing::ContainsRegex("; and [0-9]+ more$"));
  const std::string long_key(60'000, 'k');
  EXPECT_LT(unmet(R"({"additionalProperties":false})", R"({")" + long_key + R"(":1})").size(), 1000U);
  EXPECT_LT(unmet(R"({"required":[")" + long_key + R"("]})", "{}").size(), 1000U);
}

TEST(Complaint, IsOneLineWhateverTheKeysAre) {
  EXPECT_EQ(unmet(R"({"additionalProperties":false})", R"({"a\nb\u202e":1})"),
            "must be corrected: '/a\\u000ab\\u202e' must not be there");
}

TEST(Hostile, AGroupThatRepeatsSixtyThousandTimesIsMatched) {
  const std::string text(60'000, 'b');
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(value(R"({"pattern":"^(a|b)*$"})", "\"" + text + "\""), "");
  EXPECT_THAT(value(R"({"pattern":"^(a|b)*$"})", "\"" + text + "c\""), HasSubstr("must fit the pattern"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(Hostile, RunawayPatternsEndTheCheckInBoundedTime) {
  const auto begin = std::chrono::steady_clock::now();
  const std::string too_long = "takes too long to be checked";
  std::string groups;
  for (int i = 0; i < 3000; ++i) groups += std::string(18, 'a') + "b";
  EXPECT_THAT(value(R"({"pattern":"(a+)+$"})", "\"" + groups + "\""), StartsWith(too_long));
  std::string items;
  for (int i = 0; i < 2500; ++i) items += (i == 0 ? "\"" : ",\"") + std::string(20, 'a') + "b\"";
  EXPECT_THAT(value(R"({"items":{"pattern":"(a+)+$"}})", "[" + items + "]"), StartsWith(too_long));
  EXPECT_THAT(value(R"({"pattern":"(.*)*(.*)*(.*)*[^a]$"})", "\"" + std::string(60'000, 'a') + "\""),
              StartsWith(too_long));
  value(R"({"pattern":"(?:a*+[bc]|a)*$"})", "\"" + std::string(60'000, 'a') + "\"");
  value(R"({"pattern":"(?R)?a"})", "\"" + std::string(60'000, 'a') + "\"");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
}

TEST(Hostile, AFlatListOfManyIsChecked) {
  std::string list = "0";
  for (int i = 0; i < 30'000; ++i) list += ",0";
  EXPECT_EQ(value(R"({"items":{"enum":[0,1]}})", "[" + list + "]"), "");
  const std::string said = value(R"({"items":{"type":"string"}})", "[" + list + "]");
  EXPECT_THAT(said, EndsWith(" more"));
}

TEST(SchemaText, AnnotationsDoNothing) {
  EXPECT_EQ(
      unmet(R"({"$schema":"http://json-schema.org/draft-07/schema#","$id":"x","$comment":"c","title":"t",
                      "description":"d","default":{"a":1},"examples":[1]})",
            R"({"a":2})"),
      "");
}

TEST(SchemaText, UnknownKeywordsAreRefusedWithTheirPlace) {
  for (const char* keyword : {"format", "$ref", "oneOf", "allOf", "anyOf", "not", "if", "patternProperties",
                              "exclusiveMinimum", "minItems", "uniqueItems", "multipleOf", "dependencies",
                              "definitions", "$defs", "minProperties", "propertyNames", "Type"}) {
    EXPECT_THAT(refused(R"({"properties":{"a/b":{"items":{")" + std::string(keyword) + R"(":1}}}})"),
                StartsWith("at '/properties/a~1b/items/" + std::string(keyword) + "': the keyword '" +
                           keyword + "' is not checked here, remove it; known are type, required,"))
        << keyword;
  }
}

TEST(SchemaText, WrongValuesOfKeywordsAreRefusedWithTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"type":"text"})",
       "at '/type': 'text' is no type; known are null, boolean, integer, number, string, array and object"},
      {R"({"type":[]})", "at '/type': this list is empty; name a type"},
      {R"({"type":["null",5]})", "at '/type/1': a text is wanted, but here is 5"},
      {R"({"required":true})", "at '/required': a list is wanted, but here is true"},
      {R"({"required":["a",1]})", "at '/required/1': a text is wanted, but here is 1"},
      {R"({"properties":[]})", "at '/properties': an object of schemas is wanted, but here is a list"},
      {R"({"properties":{"a":1}})",
       "at '/properties/a': a schema is wanted, an object, true or false, but here is 1"},
      {R"({"items":[{}]})", "at '/items': one schema for all items is wanted, but here is a list of them"},
      {R"({"enum":[]})", "at '/enum': this list is empty; name a value"},
      {R"({"minLength":-1})", "at '/minLength': a number of characters is wanted, but here is -1"},
      {R"({"minLength":1.5})", "at '/minLength': a number of characters is wanted, but here is 1.5"},
      {R"({"maximum":"5"})", "at '/maximum': a number is wanted, but here is the text '5'"},
      {R"({"pattern":"a("})",
       "at '/pattern': 'a(' is no regular expression: missing closing parenthesis at character 2"},
      {"[]", "at '/': a schema is wanted, an object, true or false, but here is a list"},
      {R"({"a":1,"a":2})", "the key 'a' is given twice; keep one of them"},
      {"{\n  \"type\": \"object\",\n  \"required\": [\"a\",]\n}",
       "in line 3: this is no valid JSON, correct it there or above"},
      {"", "in line 1: this is no valid JSON, correct it there or above"}};
  for (const auto& [schema, said] : cases) EXPECT_EQ(refused(schema), said) << schema;
  EXPECT_NE(refused("{\"title\":\"\xff\"}"), "");
  EXPECT_NE(refused(R"({"maximum":1e999})"), "");
  EXPECT_NE(refused(R"({"maximum":99999999999999999999999})"), "");
}

TEST(SchemaText, DepthIsBounded) {
  std::string deep = "{}";
  for (int i = 0; i < 63; ++i) deep = R"({"items":)" + deep + "}";
  EXPECT_EQ(refused(deep), "");
  EXPECT_EQ(refused(R"({"items":)" + deep + "}"), "it is nested deeper than 64 levels; make it flatter");
  EXPECT_NE(refused(std::string(200'000, '[')), "");
  std::string very;
  for (int i = 0; i < 20'000; ++i) very += R"({"items":)";
  EXPECT_NE(refused(very), "");
}

}  // namespace
}  // namespace dync::rules::demands_test
