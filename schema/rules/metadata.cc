#include "schema/limits/limits.h"
#include "schema/names/text.h"
#include "schema/rules/json.h"
#include "schema/rules/rules.h"

namespace dync::rules {
namespace {

namespace dom = json::dom;
using names::quote;
using wire::Code;

Refusal malformed(const std::string& sentence) {
  return {Code::malformed, "the metadata " + sentence};
}

Refusal too_deep() {
  return malformed("is nested deeper than " + std::to_string(limits::kMaxMetadataDepth) +
                   " levels; make it flatter");
}

Refusal explain(simdjson::error_code error) {
  switch (error) {
    case simdjson::EMPTY:
      return malformed("is empty; send a JSON object, {} at least");
    case simdjson::UTF8_ERROR:
      return malformed("is not UTF-8; save it as UTF-8");
    case simdjson::DEPTH_ERROR:
      return too_deep();
    case simdjson::NUMBER_ERROR:
      return malformed(
          "holds a number that JSON doesn't know or that needs more than 64 bits; write it in quotes");
    case simdjson::STRING_ERROR:
    case simdjson::UNCLOSED_STRING:
    case simdjson::UNESCAPED_CHARS:
      return malformed("holds a text that isn't closed or has a bad escape or control character; correct it");
    default:
      return malformed("is no valid JSON; check it with a JSON tool");
  }
}

bool is_true(const simdjson::simdjson_result<dom::element>& value) {
  bool flag = false;
  if (value.get(flag) == simdjson::SUCCESS) return flag;
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS && text == "True";
}

bool is_word(std::string_view text) {
  constexpr std::string_view kWord = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
  return !text.empty() && text.find_first_not_of(kWord) == std::string_view::npos;
}

std::variant<Metadata, Refusal> read_keys(const dom::object& object) {
  Metadata metadata;
  metadata.untar = is_true(object.at_key("untar"));
  const auto passthrough = object.at_key("passthrough");
  if (passthrough.error() != simdjson::SUCCESS) return metadata;
  std::string_view word;
  const bool is_text = passthrough.get(word) == simdjson::SUCCESS;
  if (!is_text || !is_word(word)) {
    return malformed("has passthrough " + (is_text ? quote(word) : "that is no text") +
                     "; it must be one word of A-Z, a-z, 0-9 and _");
  }
  metadata.passthrough = std::string(word);
  return metadata;
}

}  // namespace

std::variant<Metadata, Refusal> parse_metadata(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return Refusal{Code::too_large, "the metadata has " + std::to_string(text.size()) +
                                        " bytes; shorten it to " + std::to_string(max_bytes) + " at most"};
  }
  dom::parser parser;
  dom::element root;
  const simdjson::padded_string padded(text);
  if (const auto error = parser.parse(padded).get(root)) return explain(error);
  dom::object object;
  if (root.get(object) != simdjson::SUCCESS)
    return malformed(R"(is no JSON object; write it as {"key": "value"})");
  if (const auto flaw = json::find_flaw(root, limits::kMaxMetadataDepth)) {
    if (!flaw->twice) return too_deep();
    return malformed("has the key " + quote(*flaw->twice) + " twice; keep one of them");
  }
  return read_keys(object);
}

}  // namespace dync::rules
