#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <system_error>
#include <unistd.h>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "schema/config/config.h"

namespace dync::config {
namespace {

// A directory of the configuration, and where it is named.
struct Directory {
  std::string key;
  const Path& path;
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

  void check_same_device(const Directory& dropbox) const {
    const auto staging = posix::find(std::filesystem::canonical(config_.storage.tmp_dir));
    const auto target = posix::find(std::filesystem::canonical(dropbox.path));
    if (staging && target && staging->device == target->device) return;
    refuse(dropbox, dropbox.path.native() + " is on another file system than storage.tmp_dir " +
                        config_.storage.tmp_dir.native() +
                        "; both must lie on one, because finished data is moved by a rename");
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
  void refuse_inside(const Directory& ledger, const Path& outer, const std::string& what) const {
    const Path inner = std::filesystem::canonical(config_.ledger.parent_path());
    const Path relative = inner.lexically_relative(std::filesystem::canonical(outer));
    if (relative.empty() || *relative.begin() == "..") return;
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
      checker.check_same_device(dropbox);
    }
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
