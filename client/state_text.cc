#include "client/state_text.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace dync::client {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr std::size_t kWordDigits = 8;
constexpr std::size_t kWords = std::tuple_size_v<decltype(digest::Midstate::words)>;

// A path need not be UTF-8; in a digest it counts as it is, here it is for people.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json errand_of(const Errand& errand) {
  return {{"server", errand.server.host},
          {"port", errand.server.port},
          {"path", errand.path},
          {"name", errand.name}};
}

std::optional<wire::Id> id_of(const Json& json, const char* field) {
  const auto found = json.find(field);
  if (found == json.end() || !found->is_string()) return std::nullopt;
  return wire::Id::from_hex(found->get_ref<const std::string&>());
}

template <typename Number>
bool number_of(const Json& json, const char* field, Number& into) {
  const auto found = json.find(field);
  if (found == json.end() || !found->is_number_integer()) return false;
  into = found->get<Number>();
  return true;
}

bool same_errand(const Json& json, const Errand& errand) {
  const Json wanted = Json::parse(text_of(errand_of(errand)));
  return std::all_of(wanted.items().begin(), wanted.items().end(), [&](const auto& each) {
    const auto found = json.find(each.key());
    return found != json.end() && *found == each.value();
  });
}

std::optional<Memory> parse_first(std::string_view line, const Errand& errand) {
  const Json json = Json::parse(line, nullptr, false);
  int version = 0;
  if (!json.is_object() || !number_of(json, "dync_state", version) || version != kVersion)
    return std::nullopt;
  Memory memory;
  const auto key = id_of(json, "key");
  const bool numbers = number_of(json, "size", memory.file.size) &&
                       number_of(json, "mtime_ns", memory.file.mtime_ns) &&
                       number_of(json, "inode", memory.file.inode);
  if (!key || !numbers || !same_errand(json, errand)) return std::nullopt;
  memory.key = *key;
  memory.replaces = id_of(json, "replaces");
  return memory;
}

template <typename Number>
bool whole_number(std::string_view text, Number& into, int base) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into, base);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<digest::Midstate> parse_midstate(std::string_view line) {
  digest::Midstate midstate;
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || !whole_number(line.substr(0, space), midstate.length, 10))
    return std::nullopt;
  const std::string_view hex = line.substr(space + 1);
  if (midstate.length % digest::kBlockBytes != 0 || hex.size() != kWords * kWordDigits) return std::nullopt;
  for (std::size_t i = 0; i < kWords; ++i) {
    if (!whole_number(hex.substr(i * kWordDigits, kWordDigits), midstate.words[i], 16)) return std::nullopt;
  }
  return midstate;
}

}  // namespace

std::string digest_of(const Errand& errand) {
  std::string all = errand.server.host;
  for (const std::string& part : {std::to_string(errand.server.port), errand.path, errand.name})
    all.append(1, '\0').append(part);
  digest::Sha256 hash;
  hash.update(std::as_bytes(std::span(all)));
  return digest::to_hex(hash.value());
}

std::string first_line(const Errand& errand, const Memory& memory) {
  Json json{{"dync_state", kVersion}, {"key", memory.key.hex()}};
  if (memory.replaces) json["replaces"] = memory.replaces->hex();
  json.update(errand_of(errand));
  json["size"] = memory.file.size;
  json["mtime_ns"] = memory.file.mtime_ns;
  json["inode"] = memory.file.inode;
  return text_of(json) + "\n";
}

std::string midstate_line(const digest::Midstate& midstate) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string line = std::to_string(midstate.length) + " ";
  for (const std::uint32_t word : midstate.words) {
    for (int shift = 28; shift >= 0; shift -= 4) line += kHex[(word >> shift) & 15U];
  }
  return line + "\n";
}

std::optional<Memory> parse_state(std::string_view text, const Errand& errand) {
  std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  auto memory = parse_first(text.substr(0, end), errand);
  if (!memory) return std::nullopt;
  for (memory->whole = end + 1; (end = text.find('\n', memory->whole)) != std::string_view::npos;
       memory->whole = end + 1) {
    const std::string_view line = text.substr(memory->whole, end + 1 - memory->whole);
    if (line == kApprovedLine) {
      memory->approved = true;
      continue;
    }
    const auto midstate = parse_midstate(line.substr(0, line.size() - 1));
    const std::uint64_t before = memory->midstates.empty() ? 0 : memory->midstates.back().length;
    if (!midstate || midstate->length <= before || midstate->length > memory->file.size) break;
    memory->midstates.push_back(*midstate);
  }
  return memory;
}

}  // namespace dync::client
