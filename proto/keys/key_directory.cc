#include <algorithm>
#include <fcntl.h>

#include "proto/keys/key_ring.h"
#include "proto/keys/listing.h"
#include "proto/posix/error.h"
#include "proto/posix/file.h"

namespace dync::keys {
namespace {

constexpr std::string_view kSuffix = ".key";

std::string told(const posix::FileInfo& info) {
  std::string text;
  for (const std::uint64_t part : {std::uint64_t{info.mode}, info.device, info.inode, info.size,
                                   static_cast<std::uint64_t>(info.mtime_ns)}) {
    text += std::to_string(part) + ",";
  }
  return text;
}

// A symlink is told by what it leads to: that is where the key changes.
std::string told(const std::filesystem::path& file) {
  try {
    const auto info = posix::find(file);
    if (!info) return "gone";
    if (info->type != posix::FileType::symlink) return told(*info);
    return told(posix::info_of(posix::open_file(file, O_PATH).get()));
  } catch (const posix::Error& error) {
    return error.what();
  }
}

std::string look(const std::filesystem::path& directory) {
  std::string seen;
  for (const std::string& name : key_files(directory)) seen += name + '\0' + told(directory / name) + '\0';
  return seen;
}

}  // namespace

std::vector<std::string> key_files(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  posix::each_entry(directory, [&names](const std::string& name) {
    if (name.ends_with(kSuffix) && name[0] != '.') names.push_back(name);
  });
  std::sort(names.begin(), names.end());
  return names;
}

KeyDirectory::KeyDirectory(std::filesystem::path directory)
    : directory_(std::move(directory)), seen_(look(directory_)), ring_(KeyRing::load(directory_)) {}

// Looks before it loads: a change in between is seen by the next look.
bool KeyDirectory::refresh() {
  try {
    std::string now = look(directory_);
    trouble_.clear();
    if (now == seen_) return false;
    ring_ = KeyRing::load(directory_);
    seen_ = std::move(now);
    return true;
  } catch (const posix::Error& error) {
    trouble_ = error.what();
    return false;
  }
}

}  // namespace dync::keys
