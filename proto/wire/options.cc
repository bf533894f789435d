#include <algorithm>
#include <nlohmann/json.hpp>

#include "proto/wire/parse.h"

namespace dync::wire {
namespace {

using Json = nlohmann::json;

// A peer's key in a sentence of ours: only if it is short and plain.
std::string shown(const std::string& key) {
  const auto plain = [](char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool fit = key.size() <= 32 && std::all_of(key.begin(), key.end(), plain);
  return fit ? "\"" + key + "\"" : "a key";
}

// Keeps the values directly below the outermost object. nlohmann::json itself would keep the last of two
// equal keys without a word, and build whatever a peer nests into the values that we ignore.
class Collector : public nlohmann::json_sax<Json> {
 public:
  Options::Values values;
  std::string problem;

  bool null() override { return keep(Options::Other{}); }
  bool boolean(bool value) override { return keep(value); }
  bool number_integer(number_integer_t value) override { return keep(std::int64_t{value}); }
  bool number_unsigned(number_unsigned_t value) override { return keep(std::uint64_t{value}); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override {
    return keep(Options::Other{});
  }
  bool string(string_t& value) override { return keep(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return keep(Options::Other{}); }
  bool start_object(std::size_t /*size*/) override { return enter(true); }
  bool start_array(std::size_t /*size*/) override { return enter(false); }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }

  bool key(string_t& name) override {
    if (depth_ > 1) return true;
    if (values.contains(name)) return stop("give " + shown(name) + " twice");
    key_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return stop("are no JSON: it breaks off or goes wrong at byte " + std::to_string(position));
  }

 private:
  bool stop(std::string why) {
    problem = std::move(why);
    return false;
  }
  bool keep(Options::Value value) {
    if (depth_ == 0) return stop("are no JSON object");
    if (depth_ == 1) values[key_] = std::move(value);
    return true;
  }
  bool enter(bool object) {
    if (depth_ == 0 && !object) return stop("are no JSON object");
    if (depth_ == 1) values[key_] = Options::Other{};
    ++depth_;
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }

  std::size_t depth_ = 0;
  std::string key_;
};

}  // namespace

Options Parse::options(std::size_t at) {
  const FrameView frame = bytes(at);
  Collector collector;
  if (frame.size() > kMaxOptions) {
    collector.problem = "are longer than " + std::to_string(kMaxOptions) + " bytes";
  } else {
    const auto* begin = reinterpret_cast<const char*>(frame.data());
    Json::sax_parse(begin, begin + frame.size(), &collector);
  }
  Options options(*this, std::move(collector.values));
  if (!collector.problem.empty()) options.fail(collector.problem);
  const auto version = options.required("dync", options.number("dync", UINT64_MAX));
  if (version != kOptionsVersion) options.fail("have a version under \"dync\" that is not 2");
  return options;
}

const Options::Value* Options::find(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

void Options::fail(const std::string& what) {
  parse_.fail("the options of " + std::string(parse_.command()) + " " + what);
}

std::optional<std::uint64_t> Options::number(std::string_view key, std::uint64_t most) {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* number = std::get_if<std::uint64_t>(value);
  if (number != nullptr && *number <= most) return *number;
  fail("need an integer from 0 to " + std::to_string(most) + " as \"" + std::string(key) + "\"");
  return 0;
}

std::optional<std::int64_t> Options::signed_number(std::string_view key) {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* negative = std::get_if<std::int64_t>(value)) return *negative;
  const auto* number = std::get_if<std::uint64_t>(value);
  if (number != nullptr && *number <= INT64_MAX) return static_cast<std::int64_t>(*number);
  fail("need an integer of 64 bits with sign as \"" + std::string(key) + "\"");
  return 0;
}

std::optional<bool> Options::boolean(std::string_view key) {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* boolean = std::get_if<bool>(value)) return *boolean;
  fail("need true or false as \"" + std::string(key) + "\"");
  return false;
}

std::optional<std::string> Options::text(std::string_view key) {
  const Value* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* text = std::get_if<std::string>(value)) return *text;
  fail("need a text as \"" + std::string(key) + "\"");
  return std::string();
}

std::optional<Id> Options::id(std::string_view key) {
  const auto hex = text(key);
  if (!hex) return std::nullopt;
  const auto id = Id::from_hex(*hex);
  if (id && !id->empty()) return id;
  fail("need 32 lower-case hex digits, not all zero, as \"" + std::string(key) + "\"");
  return Id{};
}

std::optional<Id> Options::id_or_zero(std::string_view key) {
  const auto hex = text(key);
  if (!hex) return std::nullopt;
  const auto id = Id::from_hex(*hex);
  if (id) return id;
  fail("need 32 lower-case hex digits as \"" + std::string(key) + "\"");
  return Id{};
}

std::optional<digest::Digest> Options::sha256(std::string_view key) {
  const auto hex = text(key);
  if (!hex) return std::nullopt;
  const auto digest = digest::from_hex(*hex);
  if (digest) return digest;
  fail("need 64 hex digits as \"" + std::string(key) + "\"");
  return digest::Digest{};
}

}  // namespace dync::wire
