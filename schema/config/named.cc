#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <grp.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "schema/config/parts.h"
#include "schema/limits/limits.h"
#include "schema/names/text.h"

namespace dync::config {
namespace {

using names::quote;

// A key of one dropbox, and its line.
struct Place {
  std::string key;
  int line;
};

Place place_of(const Config& config, std::size_t dropbox, const char* name) {
  std::string key = dropbox_key(dropbox, name);
  const auto line = config.lines.find(key);
  return {key, line == config.lines.end() ? config.storage.dropboxes[dropbox].line : line->second};
}

[[noreturn]] void refuse(const Config& config, const Place& place, const std::string& sentence) {
  throw Error(config.file, place.line, place.key, sentence);
}

// O_NONBLOCK: a FIFO of that name must not hold us up.
std::string read_schema(const Config& config, const Place& place, const Path& file) {
  try {
    const posix::Fd fd = posix::open_file(file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    const posix::FileInfo info = posix::info_of(fd.get());
    if (info.type != posix::FileType::regular) refuse(config, place, file.native() + " is no regular file");
    if (info.size > limits::kMaxSchema) {
      refuse(config, place,
             file.native() + " has more than " + std::to_string(limits::kMaxSchema) +
                 " bytes; write a shorter schema");
    }
    std::string text = posix::read_file(fd.get(), file.native(), limits::kMaxSchema);
    if (text.find('\0') == std::string::npos) return text;
    refuse(config, place, file.native() + " holds a zero byte; save it as UTF-8 text");
  } catch (const posix::Error& error) {
    refuse(config, place, error.what());
  }
}

void read_schemas(Config& config) {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < config.storage.dropboxes.size(); ++i) {
    const auto& file = config.storage.dropboxes[i].schema;
    if (!file || config.named.schemas.contains(*file)) continue;
    const Place place = place_of(config, i, "schema");
    std::string text = read_schema(config, place, *file);
    sum += text.size();
    if (sum > limits::kMaxSchemas) {
      refuse(config, place,
             "all schemas together have more than " + std::to_string(limits::kMaxSchemas) +
                 " bytes; shorten them");
    }
    config.named.schemas.emplace(*file, std::move(text));
  }
}

std::optional<gid_t> number_of(const std::string& text) {
  constexpr std::size_t kMostDigits = 9;  // below the largest id, and below -1, which means none
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || text.size() > kMostDigits) return std::nullopt;
  return static_cast<gid_t>(std::stoul(text));
}

// getgrnam_r(3): a large group needs a large buffer.
std::optional<gid_t> find_group(const std::string& name) {
  constexpr std::size_t kMost = limits::kMiB;
  std::vector<char> buffer(4096);
  ::group entry{};
  ::group* found = nullptr;
  int error = 0;
  while ((error = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found)) == ERANGE &&
         buffer.size() < kMost)
    buffer.resize(2 * buffer.size());
  if (found != nullptr) return found->gr_gid;
  return number_of(name);
}

bool may_give_to(gid_t group) {
  if (::geteuid() == 0 || ::getegid() == group) return true;
  const int count = ::getgroups(0, nullptr);
  std::vector<gid_t> mine(static_cast<std::size_t>(std::max(count, 0)));
  if (count <= 0 || ::getgroups(count, mine.data()) != count) return false;
  return std::find(mine.begin(), mine.end(), group) != mine.end();
}

void look_up_groups(Config& config) {
  for (std::size_t i = 0; i < config.storage.dropboxes.size(); ++i) {
    const auto& name = config.storage.dropboxes[i].group;
    if (!name || config.named.groups.contains(*name)) continue;
    const Place place = place_of(config, i, "group");
    const auto id = find_group(*name);
    if (!id) refuse(config, place, "there is no group " + quote(*name) + "; make it or correct the name");
    if (!may_give_to(*id)) {
      refuse(config, place,
             "this user is no member of the group " + quote(*name) +
                 " and may not give files to it; add the server's user to the group");
    }
    config.named.groups.emplace(*name, *id);
  }
}

// A bundle: the config file's text, then KIND NAME and content of each thing, each after a zero byte. Neither
// text nor names can hold one.
constexpr std::string_view kSchema = "schema ";
constexpr std::string_view kGroup = "group ";

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find('\0');
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool take(Named& named, std::string_view what, std::string_view content) {
  if (what.starts_with(kSchema)) {
    named.schemas.emplace(Path(what.substr(kSchema.size())), content);
    return true;
  }
  const auto id = number_of(std::string(content));
  if (!what.starts_with(kGroup) || !id) return false;
  named.groups.emplace(what.substr(kGroup.size()), *id);
  return true;
}

}  // namespace

void read_named(Config& config) {
  read_schemas(config);
  look_up_groups(config);
}

std::string bundle(std::string_view text, const Named& named) {
  std::string all(text);
  const auto add = [&all](std::string_view kind, std::string_view name, std::string_view content) {
    all.append(1, '\0').append(kind).append(name).append(1, '\0').append(content);
  };
  for (const auto& [file, schema] : named.schemas) add(kSchema, file.native(), schema);
  for (const auto& [name, id] : named.groups) add(kGroup, name, std::to_string(id));
  return all;
}

std::string_view unbundle(std::string_view text, Named& named) {
  const auto parts = split(text);
  Named found;
  bool good = parts.size() % 2 == 1;
  for (std::size_t i = 1; good && i + 1 < parts.size(); i += 2) good = take(found, parts[i], parts[i + 1]);
  if (!good) return text;
  named = std::move(found);
  return parts.front();
}

}  // namespace dync::config
