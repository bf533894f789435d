#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "committer/plan.h"
#include "schema/names/names.h"

// Directories of uploads in storage.tmp_dir. Only those with a stamp of our ledger are ever touched.
namespace dync::committer {

// The modes of all that is made for a data set, less the umask.
inline constexpr mode_t kFileMode = 0666;
inline constexpr mode_t kDirectoryMode = 0777;
// An older directory of that name is as good.
void ensure_directory(int parent, const std::string& name);

// Step 1: TMP_DIR/ID with its stamp and an empty `data`, durable. Again: only what is missing is made, and
// no byte of `data` is lost.
void make_staging(const Path& tmp_dir, const names::Stamp& stamp);

// DROPBOX_STAGING/ID with its stamp and nothing else, durable. DROPBOX_STAGING is made if it is missing.
void make_elsewhere(const Path& dropbox_staging, const names::Stamp& stamp);

struct Staged {
  names::Stamp stamp;
  bool has_data = false;  // a byte at least, or a later step's directory
  std::uint64_t data_bytes = 0;
};
// In what follows STAGING is TMP_DIR or a dropbox's own staging.
// The stamp of STAGING/ID; nothing if there is no such directory, or no valid stamp in it.
std::optional<names::Stamp> stamp_of(const Path& directory);
struct Unreadable {
  std::string name;
  std::string error;
};
struct Stagings {
  std::vector<Staged> stamped;         // named as ours are and with a stamp, of whichever ledger
  std::vector<Unreadable> unreadable;  // named as ours are, and nobody can tell now
};
// All directories of STAGING. Throws posix::Error only if that itself can't be read, or descriptors or memory
// are short.
Stagings look_through(const Path& staging);

// The ids of whatever is named in STAGING as our directories are, with a stamp or without.
std::vector<ledger::Id> named(const Path& staging);
// Of STAGING/ID, what a crash between the removal of the stamp and of the directory leaves.
void remove_if_empty(const Path& staging, const ledger::Id& upload);

// Moves STAGING/ID to STAGING/orphans/ID.
void set_aside(const Path& staging, const ledger::Id& upload);

// What has to be true of the staged file before it is published.
enum class Readiness {
  ready,
  busy,  // somebody can still write it: ask again soon
  gone,  // not in staging; an earlier run may have moved it
  wrong_size,
};
Readiness inspect_data(const Path& staging, std::uint64_t size);

}  // namespace dync::committer
