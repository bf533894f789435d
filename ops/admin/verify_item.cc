#include <algorithm>
#include <array>
#include <fcntl.h>

#include "ops/admin/verify_parts.h"
#include "proto/digest/sha256.h"
#include "proto/posix/file.h"
#include "schema/ledger/events.h"
#include "schema/names/names.h"
#include "schema/names/published.h"

namespace dync::admin {
namespace {

using posix::Fd;
using posix::FileType;

constexpr std::size_t kReadBytes = std::size_t{1024} * 1024;

std::string bytes(std::uint64_t size) {
  return std::to_string(size) + " bytes";
}

digest::Digest hash(int fd) {
  digest::Sha256 sha256;
  std::vector<std::byte> buffer(kReadBytes);
  while (const std::size_t got = posix::read_at(fd, buffer, sha256.length()))
    sha256.update(std::span(buffer).first(got));
  return sha256.value();
}

class ItemChecker {
 public:
  ItemChecker(const ledger::Upload& upload, bool complete) : upload_(upload), complete_(complete) {}

  // ITEM with its data and sidecars.
  Differences file(int dropbox, const Path& place) {
    const std::string& item = upload_.clean_name;
    const Fd directory = open_item(dropbox, place);
    if (!directory) return found_;
    check_bytes(directory.get(), item, place / item, upload_.bytes_received, upload_.sha256.value());
    std::vector<std::string> known{item};
    for (const auto& [name, content] : sidecars()) {
      check_content(directory.get(), name, place / name, content);
      known.push_back(name);
    }
    posix::each_entry(directory.get(), [&](const std::string& name) {
      if (std::ranges::find(known, name) == known.end()) too_much(place / name);
    });
    return found_;
  }

  // TOP with the members of an archive, or TOP as the only one.
  Differences tree(int dropbox, const Path& place, const std::vector<ledger::Member>& members) {
    for (const ledger::Member& member : members) members_[member.path] = &member;
    walk(dropbox, place.filename().string(), place.filename(), place.parent_path());
    if (complete_)
      for (const auto& [path, member] : members_) missing(place.parent_path() / path);
    return found_;
  }

 private:
  void tell(const Path& path, const std::string& problem) {
    found_.push_back({path, upload_.upload_id, problem});
  }
  void missing(const Path& path) {
    if (complete_) tell(path, "is missing");
  }
  void too_much(const Path& path) {
    if (complete_) tell(path, "is nothing that the upload published");
  }

  Fd open_item(int dropbox, const Path& place) {
    const auto info = posix::find_at(dropbox, place.filename().string());
    if (info && info->type == FileType::directory)
      return posix::open_directory_at(dropbox, place.filename().string());
    if (info) tell(place, "is no directory");
    return Fd();
  }

  bool is_file(int directory, const std::string& name, const Path& path) {
    const auto info = posix::find_at(directory, name);
    if (!info)
      missing(path);
    else if (info->type != FileType::regular)
      tell(path, "is no regular file");
    return info && info->type == FileType::regular;
  }

  void check_bytes(int directory, const std::string& name, const Path& path, std::uint64_t size,
                   const digest::Digest& sha256) {
    if (!is_file(directory, name, path)) return;
    const Fd file = posix::open_at(directory, name, O_RDONLY | O_NONBLOCK);
    const std::uint64_t there = posix::info_of(file.get()).size;
    if (there != size) return tell(path, "has " + bytes(there) + ", the ledger says " + bytes(size));
    const digest::Digest found = hash(file.get());
    if (found != sha256)
      tell(path, "has the SHA-256 " + digest::to_hex(found) + ", the ledger says " + digest::to_hex(sha256));
  }

  void check_content(int directory, const std::string& name, const Path& path, const std::string& content) {
    if (!is_file(directory, name, path)) return;
    const Fd file = posix::open_at(directory, name, O_RDONLY | O_NONBLOCK);
    const bool same = posix::info_of(file.get()).size == content.size() &&
                      posix::read_file(file.get(), name, content.size()) == content;
    if (!same) tell(path, "has another content than the ledger says");
  }

  std::vector<std::pair<std::string, std::string>> sidecars() const {
    const std::string& item = upload_.clean_name;
    return {
        {names::checksum_sidecar(item), names::checksum_line(digest::to_hex(upload_.sha256.value()), item)},
        {names::original_name_sidecar(item), upload_.filename},
        {names::metadata_sidecar(item), upload_.metadata},
        {names::kOriginFile, upload_.origin}};
  }

  // Takes what it meets out of members_. Directories are not in the ledger.
  void walk(int parent, const std::string& name, const Path& path, const Path& dropbox) {
    const auto info = posix::find_at(parent, name);
    if (!info) return;
    if (info->type == FileType::directory) {
      const Fd directory = posix::open_directory_at(parent, name);
      posix::each_entry(directory.get(), [&](const std::string& entry) {
        walk(directory.get(), entry, path / entry, dropbox);
      });
      return;
    }
    const auto member = members_.find(path.string());
    if (member == members_.end()) return too_much(dropbox / path);
    check_bytes(parent, name, dropbox / path, member->second->size, member->second->sha256);
    members_.erase(member);
  }

  const ledger::Upload& upload_;
  bool complete_;
  std::map<std::string, const ledger::Member*> members_;
  Differences found_;
};

bool was_extracted(const ledger::Reader& reader, const ledger::Id& id) {
  return std::ranges::any_of(reader.events({.upload = id}), [](const ledger::Event& event) {
    return event.event == ledger::events::kExtracted;
  });
}

}  // namespace

Differences check_item(const ledger::Reader& reader, const ledger::Upload& upload, const Path& place,
                       bool complete) {
  const Fd dropbox = posix::open_directory(place.parent_path());
  ItemChecker checker(upload, complete);
  const auto members = upload.untar ? reader.members(upload.upload_id) : std::vector<ledger::Member>{};
  const bool tree = !members.empty() || (upload.untar && was_extracted(reader, upload.upload_id));
  return tree ? checker.tree(dropbox.get(), place, members) : checker.file(dropbox.get(), place);
}

}  // namespace dync::admin
