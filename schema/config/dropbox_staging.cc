#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <set>
#include <sys/stat.h>
#include <system_error>
#include <utility>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "schema/config/config.h"
#include "schema/names/names.h"

namespace dync::config {
namespace {

// Where a path lies: device and mount. A rename works between two directories only if both are equal; a bind
// mount of one file system is another mount. Before Linux 5.8 mounts are not told, and all are 0.
struct Mount {
  std::pair<std::uint32_t, std::uint32_t> device;
  std::uint64_t id = 0;
  bool operator==(const Mount&) const = default;
};

Mount mount_of(const Path& path) {
  struct statx status {};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_BASIC_STATS | STATX_MNT_ID, &status) != 0)
    posix::fail("look at", path.native());
  return {{status.stx_dev_major, status.stx_dev_minor},
          (status.stx_mask & STATX_MNT_ID) != 0 ? status.stx_mnt_id : 0};
}

bool is_there(const Path& directory) {
  std::error_code error;
  return std::filesystem::is_directory(directory, error);
}

// A dropbox may be a link into another file system, so its real parent counts.
Path beside(const Path& dropbox) {
  std::error_code error;
  return std::filesystem::weakly_canonical(dropbox, error).parent_path() / names::kDropboxStaging;
}

}  // namespace

std::optional<Path> dropbox_staging(const Path& tmp_dir, const Path& dropbox,
                                    const std::optional<Path>& own) {
  const Mount target = mount_of(dropbox);
  if (mount_of(tmp_dir) == target) return std::nullopt;
  const Path staging = own.value_or(beside(dropbox));
  const Path there = own || is_there(staging) ? staging : staging.parent_path();
  if (mount_of(there) == target) return staging;
  throw posix::Error(EXDEV, "rename from " + there.native() + " into", dropbox.native());
}

std::vector<Path> dropbox_stagings(const Storage& storage,
                                   const std::function<void(const Path&, const posix::Error&)>& unreadable) {
  std::set<Path> all;
  const auto look = [&](const Path& at, const std::function<void()>& work) {
    try {
      work();
    } catch (const posix::Error& error) {
      if (!unreadable) throw;
      unreadable(at, error);
    }
  };
  for (const Dropbox& dropbox : storage.dropboxes) {
    all.insert(beside(dropbox.path));
    if (dropbox.staging) look(*dropbox.staging, [&] { all.insert(posix::real_path(*dropbox.staging)); });
  }
  if (storage.manual && is_there(*storage.manual))
    look(*storage.manual, [&] {
      posix::each_entry(*storage.manual,
                        [&](const std::string& word) { all.insert(beside(*storage.manual / word)); });
    });
  all.erase(posix::real_path(storage.tmp_dir));
  std::erase_if(all, [](const Path& staging) { return !is_there(staging); });
  return {all.begin(), all.end()};
}

}  // namespace dync::config
