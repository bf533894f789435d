#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <system_error>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "schema/config/config.h"
#include "schema/names/names.h"

namespace dync::config {
namespace {

// A directory of the configuration, and where it is named.
struct Directory {
  std::string key;
  Path path;
};

class Checker {
 public:
  explicit Checker(const Config& config) : config_(config) {}

  [[noreturn]] void refuse(const Directory& named, const std::string& sentence) const {
    const auto line = config_.lines.find(named.key);
    throw Error(config_.file, line == config_.lines.end() ? 0 : line->second, named.key, sentence);
  }

  void check_directory(const Directory& named) const {
    std::error_code error;
    const auto status = std::filesystem::status(named.path, error);
    if (status.type() == std::filesystem::file_type::not_found) {
      refuse(named, named.path.native() + " does not exist; make the directory or correct the path");
    }
    if (error) refuse(named, named.path.native() + " can't be looked at: " + error.message());
    if (status.type() != std::filesystem::file_type::directory) {
      refuse(named, named.path.native() + " is no directory");
    }
  }

  void check_writable(const Directory& named) const {
    check_directory(named);
    if (::faccessat(AT_FDCWD, named.path.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) == 0) return;
    const int why = errno;
    refuse(named, named.path.native() + " is not writable for this user: " +
                      std::generic_category().message(why) + "; give the server's user rwx on it");
  }

  // That a rename leads into the dropbox, from tmp_dir or from a staging of its own.
  void check_way_into(const Directory& dropbox, const std::optional<Directory>& own) const {
    if (own) {
      check_writable(*own);
      check_is_staging(*own, dropbox.path);
    }
    const auto path = own ? std::optional(own->path) : std::nullopt;
    try {
      const auto staging = dropbox_staging(config_.storage.tmp_dir, dropbox.path, path);
      if (staging && !own) check_beside(dropbox, *staging);
    } catch (const posix::Error& error) {
      if (error.kind() != posix::Kind::cross_device) throw;
      refuse(own.value_or(dropbox), no_way(dropbox, own));
    }
  }

  std::string no_way(const Directory& dropbox, const std::optional<Directory>& own) const {
    if (own)
      return own->path.native() + " is on another file system or mount than " + dropbox.path.native() +
             "; name a directory on that one, because finished data is moved by a rename";
    return dropbox.path.native() + " is on another file system or mount than storage.tmp_dir " +
           config_.storage.tmp_dir.native() +
           ", and so is its parent; give the dropbox a `staging` beside it, a "
           "directory on its own file system";
  }

  // Made when it is needed, so for now its parent must let us do that.
  void check_beside(const Directory& dropbox, const Path& staging) const {
    std::error_code error;
    const bool there = std::filesystem::exists(staging, error);
    check_is_staging({dropbox.key, staging}, dropbox.path);
    const Path needed = there ? staging : staging.parent_path();
    if (::faccessat(AT_FDCWD, needed.c_str(), R_OK | W_OK | X_OK, AT_EACCESS) == 0) return;
    const int why = errno;
    refuse(dropbox, dropbox.path.native() + " is on another file system or mount than storage.tmp_dir, and " +
                        staging.native() + ", where its items would be made ready, can't be written: " +
                        std::generic_category().message(why) + "; give this user rwx on " + needed.native() +
                        ", or the dropbox a `staging` on its file system");
  }

  // Nothing half may appear in a dropbox; and tmp_dir is tidied by other rules.
  void check_is_staging(const Directory& staging, const Path& dropbox) const {
    const Path real = posix::real_path(staging.path);
    if (real == std::filesystem::canonical(config_.storage.tmp_dir))
      refuse(staging, staging.path.native() + " is storage.tmp_dir; name another directory, or none");
    for (const config::Dropbox& other : config_.storage.dropboxes)
      if (lies_in(real, other.path))
        refuse(staging, staging.path.native() + ", where items for " + dropbox.native() +
                            " are made ready, lies in the dropbox " + other.path.native() +
                            "; name a `staging` outside of all dropboxes");
  }

  void check_manual() const {
    std::error_code error;
    if (!config_.storage.manual || !std::filesystem::is_directory(*config_.storage.manual, error)) return;
    posix::each_entry(*config_.storage.manual, [&](const std::string& word) {
      const Path directory = *config_.storage.manual / word;
      std::error_code ignored;
      if (std::filesystem::is_directory(directory, ignored) && word != names::kDropboxStaging)
        check_way_into({"storage.manual", directory}, {});
    });
  }

  void check_ledger() const {
    const Directory ledger{"ledger", config_.ledger};
    const Path directory = config_.ledger.parent_path();
    check_writable({"ledger", directory});
    refuse_inside(ledger, config_.storage.tmp_dir, "storage.tmp_dir");
    for (const Dropbox& dropbox : config_.storage.dropboxes)
      refuse_inside(ledger, dropbox.path, "the dropbox");
    std::error_code error;
    if (std::filesystem::is_directory(config_.ledger, error)) {
      refuse(ledger, config_.ledger.native() + " is a directory; name the file in it");
    }
  }

 private:
  static bool lies_in(const Path& inner, const Path& outer) {
    const Path relative = inner.lexically_relative(posix::real_path(outer));
    return !relative.empty() && *relative.begin() != "..";
  }

  void refuse_inside(const Directory& ledger, const Path& outer, const std::string& what) const {
    if (!lies_in(std::filesystem::canonical(config_.ledger.parent_path()), outer)) return;
    refuse(ledger, config_.ledger.native() + " lies in " + what + " " + outer.native() +
                       "; put the ledger into a directory of its own");
  }

  const Config& config_;
};

}  // namespace

void check_directories(const Config& config) {
  const Checker checker(config);
  try {
    checker.check_writable({"storage.tmp_dir", config.storage.tmp_dir});
    for (std::size_t i = 0; i < config.storage.dropboxes.size(); ++i) {
      const Directory dropbox{dropbox_key(i, "path"), config.storage.dropboxes[i].path};
      checker.check_writable(dropbox);
    }
    for (std::size_t i = 0; i < config.storage.dropboxes.size(); ++i) {
      const Dropbox& dropbox = config.storage.dropboxes[i];
      std::optional<Directory> own;
      if (dropbox.staging) own.emplace(Directory{dropbox_key(i, "staging"), *dropbox.staging});
      checker.check_way_into({dropbox_key(i, "path"), dropbox.path}, own);
    }
    checker.check_manual();
    checker.check_directory({"storage.path", config.storage.path});
    checker.check_ledger();
    checker.check_directory({"keys.dir", config.keys_dir});
    if (config.runtime_dir) checker.check_writable({"runtime_dir", *config.runtime_dir});
  } catch (const std::filesystem::filesystem_error& e) {
    throw Error(config.file, 0, "", e.what());
  } catch (const posix::Error& e) {
    throw Error(config.file, 0, "", e.what());
  }
}

}  // namespace dync::config
