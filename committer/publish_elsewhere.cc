#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <map>

#include "committer/access.h"
#include "committer/crash_points.h"
#include "committer/publish.h"
#include "committer/staging.h"
#include "proto/posix/crash_point.h"
#include "proto/posix/error.h"
#include "schema/names/names.h"

namespace dync::committer {
namespace {

using posix::Fd;

constexpr std::size_t kCopyBytes = std::size_t{1024} * 1024;

// So that the sync at the end is short. Its errors are that sync's.
void start_writing(int fd, std::uint64_t offset, std::uint64_t bytes) {
  static_cast<void>(
      ::sync_file_range(fd, static_cast<off_t>(offset), static_cast<off_t>(bytes), SYNC_FILE_RANGE_WRITE));
}

// Copies files from staging and knows what it copied.
class Copier {
 public:
  Copier(const Plan& plan, const std::atomic<bool>& stop) : plan_(plan), stop_(stop), buffer_(kCopyBytes) {}

  // False if the file is not what `wanted` says.
  bool file(int from, const std::string& name, int to, const std::string& as, const ledger::Member& wanted) {
    const Fd source = posix::open_at(from, name, O_RDONLY | O_NONBLOCK);
    const Fd target = posix::open_at(to, as, O_WRONLY | O_CREAT | O_EXCL, kFileMode);
    const digest::Sha256 sha256 = bytes(source.get(), target.get(), wanted.path);
    give_access(target.get(), as, Kind::file, plan_.access);
    posix::sync_all(target.get());
    return sha256.length() == wanted.size && sha256.value() == wanted.sha256;
  }

  // Takes each file that it copies out of `wanted`. False if one differs, or is not in it.
  bool tree(int from, int to, const std::string& name, const Path& path,
            std::map<std::string, const ledger::Member*>& wanted) {
    const auto info = posix::find_at(from, name);
    if (info && info->type == posix::FileType::directory) return directory(from, to, name, path, wanted);
    const auto member = wanted.find(path.string());
    if (member == wanted.end()) return false;
    if (!file(from, name, to, name, *member->second)) return false;
    wanted.erase(member);
    return true;
  }

 private:
  bool directory(int from, int to, const std::string& name, const Path& path,
                 std::map<std::string, const ledger::Member*>& wanted) {
    posix::make_directory_at(to, name, kDirectoryMode);
    const Fd source = posix::open_directory_at(from, name);
    const Fd target = posix::open_directory_at(to, name);
    bool same = true;
    posix::each_entry(source.get(), [&](const std::string& entry) {
      same = same && tree(source.get(), target.get(), entry, path / entry, wanted);
    });
    give_access(target.get(), path.string(), Kind::directory, plan_.access);
    posix::sync_all(target.get());
    return same;
  }

  digest::Sha256 bytes(int from, int to, const std::string& name) {
    digest::Sha256 sha256;
    while (const std::size_t got = posix::read_at(from, buffer_, sha256.length())) {
      if (stop_) throw posix::Error(ECANCELED, "go on copying", name);
      posix::write_at(to, std::span(buffer_).first(got), sha256.length());
      start_writing(to, sha256.length(), got);
      sha256.update(std::span(buffer_).first(got));
      posix::crash_point(crash::kCopying);
    }
    return sha256;
  }

  const Plan& plan_;
  const std::atomic<bool>& stop_;
  std::vector<std::byte> buffer_;
};

bool copy_file(const Plan& plan, int staging, int out, const std::atomic<bool>& stop) {
  posix::make_directory_at(out, plan.item, kDirectoryMode);
  const Fd item = posix::open_directory_at(out, plan.item);
  const ledger::Member wanted{.path = plan.item, .size = plan.bytes, .sha256 = plan.sha256};
  if (!Copier(plan, stop).file(staging, names::kStagedData, item.get(), plan.item, wanted)) return false;
  posix::crash_point(crash::kCopied);
  finish_file(plan, item.get());
  return true;
}

bool copy_tree(const Plan& plan, int staging, int out, const std::atomic<bool>& stop) {
  std::map<std::string, const ledger::Member*> wanted;
  for (const ledger::Member& member : plan.members) wanted[member.path] = &member;
  const Fd extracted = posix::open_directory_at(staging, names::kExtracting);
  if (!Copier(plan, stop).tree(extracted.get(), out, plan.item, plan.item, wanted)) return false;
  posix::crash_point(crash::kCopied);
  return wanted.empty();
}

// A copy that can't be finished would only fill the disk on its way.
void require_room(const Plan& plan) {
  if (posix::space_of(*plan.elsewhere).free >= plan.total()) return;
  throw posix::Error(ENOSPC, "copy " + std::to_string(plan.total()) + " bytes to", plan.elsewhere->string());
}

// The half copy gives its room back while the upload waits for more.
bool copy(const Plan& plan, int staging, int elsewhere, const std::atomic<bool>& stop) try {
  posix::make_directory_at(elsewhere, names::kOut, kDirectoryMode);
  const Fd out = posix::open_directory_at(elsewhere, names::kOut);
  const bool same = plan.shape == Shape::file ? copy_file(plan, staging, out.get(), stop)
                                              : copy_tree(plan, staging, out.get(), stop);
  if (same) finish_out(plan, out.get());
  if (!same) posix::remove_tree_at(elsewhere, names::kOut);
  return same;
} catch (const posix::Error&) {
  posix::remove_tree_at(elsewhere, names::kOut);
  throw;
}

}  // namespace

std::optional<wire::Refusal> prepare_elsewhere(const Plan& plan, const ledger::Id& ledger,
                                               const std::atomic<bool>& stop) {
  make_elsewhere(plan.elsewhere->parent_path(), {ledger, plan.upload});
  const Fd staging = posix::open_directory(plan.staging);
  const Fd elsewhere = posix::open_directory(*plan.elsewhere);
  posix::remove_tree_at(elsewhere.get(), names::kOut);
  require_room(plan);
  if (!copy(plan, staging.get(), elsewhere.get(), stop))
    return wire::Refusal{wire::Code::internal,
                         "the server's staging gives other bytes than were verified; tell its operator, and "
                         "send the file again"};
  posix::sync_all(elsewhere.get());
  posix::crash_point(crash::kPrepared);
  return std::nullopt;
}

}  // namespace dync::committer
