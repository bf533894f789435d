#include "committer/detail.h"

#include <nlohmann/json.hpp>

namespace dync::committer {
namespace {

using nlohmann::ordered_json;

std::string written(const ordered_json& object) {
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

std::string detail(std::initializer_list<std::pair<const char*, Detail>> members) {
  ordered_json object = ordered_json::object();
  for (const auto& [name, value] : members)
    std::visit([&object, key = name](const auto& plain) { object[key] = plain; }, value);
  return written(object);
}

std::string checked_detail(std::string_view text) {
  const auto object = ordered_json::parse(text, nullptr, false);
  return object.is_object() ? written(object) : written({{"text", std::string(text)}});
}

}  // namespace dync::committer
