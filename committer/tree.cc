#include "committer/tree.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <sys/stat.h>

#include "committer/access.h"
#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "schema/names/names.h"
#include "schema/rules/rules.h"

namespace dync::committer {
namespace {

using posix::Fd;
using wire::Refusal;

constexpr std::size_t kReadBytes = std::size_t{256} * 1024;
constexpr int kMostDepth = 64;  // of directories, so that none of ours runs out of descriptors

Refusal refused(const std::string& sentence) {
  return {wire::Code::refused, sentence};
}

std::vector<std::string> entries_of(int directory) {
  std::vector<std::string> names;
  posix::each_entry(directory, [&names](const std::string& name) { names.push_back(name); });
  std::sort(names.begin(), names.end());
  return names;
}

nlink_t links_of(int fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) posix::fail("look at", path);
  return status.st_nlink;
}

digest::Digest hash(int fd, std::uint64_t& size) {
  digest::Sha256 sha256;
  std::vector<std::byte> buffer(kReadBytes);
  for (size = 0;;) {
    const std::size_t got = posix::read_at(fd, buffer, size);
    if (got == 0) return sha256.value();
    sha256.update(std::span(buffer).first(got));
    size += got;
  }
}

class Checker {
 public:
  Checker(const config::Untar& limits, const rules::Access& access) : limits_(limits), access_(access) {}

  std::optional<Refusal> walk(int parent, const std::string& name, const std::string& path, int depth) {
    if (++tree_.entries > limits_.max_members)
      return refused("the archive has more than " + std::to_string(limits_.max_members) +
                     " entries, directories counted; send fewer, or without untar");
    const auto info = posix::find_at(parent, name);
    if (info && info->type == posix::FileType::directory) return directory(parent, name, path, depth);
    if (info && info->type == posix::FileType::regular) return file(parent, name, path);
    return refused(path + " in the archive is neither a file nor a directory; leave it out");
  }

  Tree take() { return std::move(tree_); }

 private:
  std::optional<Refusal> directory(int parent, const std::string& name, const std::string& path, int depth) {
    if (depth >= kMostDepth) return refused("the archive's directories are too deep; send it without untar");
    const Fd fd = posix::open_directory_at(parent, name);
    for (const std::string& entry : entries_of(fd.get()))
      if (auto refusal = walk(fd.get(), entry, (Path(path) / entry).string(), depth + 1)) return refusal;
    give_access(fd.get(), path, Kind::directory, access_);
    posix::sync_all(fd.get());
    return std::nullopt;
  }

  std::optional<Refusal> file(int parent, const std::string& name, const std::string& path) {
    const Fd fd = posix::open_at(parent, name, O_RDONLY | O_NONBLOCK);
    if (links_of(fd.get(), path) != 1) return refused(path + " in the archive is linked; leave links out");
    ledger::Member member{.path = path, .size = 0, .sha256 = {}};
    member.sha256 = hash(fd.get(), member.size);
    give_access(fd.get(), path, Kind::file, access_);
    posix::sync_all(fd.get());
    tree_.bytes += member.size;
    if (tree_.bytes > limits_.max_bytes)
      return refused("the archive unpacks to more than " + std::to_string(limits_.max_bytes) +
                     " bytes; send it without untar");
    tree_.members.push_back(std::move(member));
    return std::nullopt;
  }

  const config::Untar& limits_;
  const rules::Access& access_;
  Tree tree_;
};

}  // namespace

std::variant<Tree, Refusal> check_tree(const Path& staging, const config::Untar& limits,
                                       const rules::Access& access) {
  const Fd extracted = posix::open_directory(staging / names::kExtracting);
  const auto tops = entries_of(extracted.get());
  if (tops.size() != 1)
    return refused("the archive has " + std::to_string(tops.size()) +
                   " top-level entries; put everything into one directory");
  if (!rules::is_clean(tops.front()))
    return refused(
        "the archive's top-level entry has characters other than A-Z a-z 0-9 _ . or a leading dot; "
        "rename it");
  Checker checker(limits, access);
  if (auto refusal = checker.walk(extracted.get(), tops.front(), tops.front(), 0)) return std::move(*refusal);
  posix::sync_all(extracted.get());
  Tree tree = checker.take();
  tree.top = tops.front();
  return tree;
}

}  // namespace dync::committer
