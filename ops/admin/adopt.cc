#include "ops/admin/adopt.h"

#include <cerrno>
#include <fcntl.h>
#include <set>
#include <stdexcept>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "schema/names/names.h"
#include "schema/stamp/stamp_file.h"

namespace dync::admin {
namespace {

using posix::Fd;
using posix::Path;

[[noreturn]] void refuse_beside(const std::string& what) {
  throw std::runtime_error(
      what + "; stop dync-server first, because it must not run while its staging changes hands");
}

// No committer starts as long as this is held.
Fd keep_server_out(const config::Config& config) {
  if (const auto running = run_file::find(names::run_file(config.ledger)))
    refuse_beside("dync-server runs, pid " + std::to_string(running->pid));
  Fd lock = posix::open_file(names::ledger_lock(config.ledger), O_RDONLY);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) posix::fail("lock", names::ledger_lock(config.ledger).native());
  refuse_beside("the ledger " + config.ledger.native() + " is in use");
}

// The server must still be able to read it: it keeps its owner, whoever runs this.
void replace_stamp(int directory, const names::Stamp& stamp) {
  const Fd old = posix::open_at(directory, names::kStamp, O_RDONLY | O_NONBLOCK);
  struct stat status {};
  if (::fstat(old.get(), &status) != 0) posix::fail("look at", names::kStamp);
  posix::write_file_at(directory, names::kNewStamp, names::format_stamp(stamp),
                       status.st_mode & mode_t{0777});
  const Fd fresh = posix::open_at(directory, names::kNewStamp, O_RDONLY);
  if (::fchown(fresh.get(), status.st_uid, status.st_gid) != 0) posix::fail("give away", names::kNewStamp);
  posix::sync_all(fresh.get());
  if (::renameat(directory, names::kNewStamp, directory, names::kStamp) != 0)
    posix::fail("rename", names::kNewStamp);
  posix::sync_all(directory);
}

class Adopter {
 public:
  Adopter(const ledger::Reader& reader, const std::optional<ledger::Id>& other)
      : own_(reader.ledger_id()), left_alone_(reader.left_alone()), other_(other) {}

  void look_through(const Path& staging) {
    if (!posix::find(staging)) return;
    const Fd directory = posix::open_directory(staging);
    posix::each_entry(directory.get(), [&](const std::string& name) {
      if (names::staged_upload(name)) look_at(directory.get(), name, staging / name);
    });
  }
  std::vector<Adopted> take() { return std::move(found_); }

 private:
  bool wanted(const ledger::Id& ledger) const {
    if (other_) return ledger == *other_;
    return ledger != own_ && !left_alone_.contains(ledger);
  }

  void look_at(int parent, const std::string& name, const Path& path) {
    const auto info = posix::find_at(parent, name);
    if (!info || info->type != posix::FileType::directory) return;
    const Fd directory = posix::open_directory_at(parent, name);
    const auto stamp = stamp::read_at(directory.get());
    if (!stamp || stamp->upload.hex() != name || !wanted(stamp->ledger)) return;
    replace_stamp(directory.get(), {own_, stamp->upload});
    const auto data = posix::find_at(directory.get(), names::kStagedData);
    found_.push_back({path, stamp->ledger, data ? data->size : 0});
  }

  const ledger::Id own_;
  const std::set<ledger::Id> left_alone_;
  const std::optional<ledger::Id> other_;
  std::vector<Adopted> found_;
};

}  // namespace

std::vector<Adopted> adopt(const config::Config& config, const ledger::Reader& reader,
                           const std::optional<ledger::Id>& other) {
  const Fd lock = keep_server_out(config);
  std::vector<Path> stagings = config::dropbox_stagings(config.storage);
  stagings.push_back(config.storage.tmp_dir);
  Adopter adopter(reader, other);
  for (const Path& staging : stagings) {
    adopter.look_through(staging);
    adopter.look_through(staging / names::kOrphans);
  }
  return adopter.take();
}

}  // namespace dync::admin
