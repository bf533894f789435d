#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace dync::posix {
class Error;
}

// The server's configuration: /etc/dyncserver.yaml, the original's file with our keys beside.
namespace dync::config {

using Path = std::filesystem::path;

struct Dropbox {
  std::string regexp;  // Python re.match syntax, as written
  Path path;
  std::vector<std::string> origins;  // empty: every user
  bool requires_barcode = true;
  bool match_file = true;                      // false: the rule never matches
  std::vector<std::string> required_metadata;  // top-level keys
  std::optional<Path> schema;                  // a JSON Schema file; its text is in Config::named
  std::optional<mode_t> mode;        // of directories; files get it without x; absent: as the umask has it
  std::optional<std::string> group;  // name or number; its id is in Config::named
  std::optional<Path> staging;       // where its items are made ready, if storage.tmp_dir can't be that place
  int line = 0;                      // of the config file, for messages
};

// What the file only names. It is read together with the file, once, by the supervisor: so all workers of one
// server see the same, and what becomes of it later stops none of them.
struct Named {
  std::map<Path, std::string> schemas;               // text of each schema file
  std::map<std::string, gid_t, std::less<>> groups;  // id of each group
};

struct Storage {
  Path tmp_dir;
  Path path;
  std::optional<Path> manual;
  std::vector<Dropbox> dropboxes;
};

struct Logging {
  std::string level = "INFO";  // DEBUG, INFO, WARNING or ERROR
  std::optional<Path> file;
  std::uint64_t max_bytes = 0;  // 0: never rotated
  int backups = 0;
};

struct Flow {
  std::uint32_t chunk_size;  // bytes
  std::uint32_t max_queue;   // chunks
  std::uint64_t budget;      // bytes
};

struct Limits {
  std::chrono::seconds idle_timeout;
  std::chrono::seconds partial_ttl;
  std::uint64_t max_metadata;                   // bytes
  std::optional<std::uint64_t> min_free_space;  // bytes; absent: 1 GiB or 5 %, whichever is less
  std::uint32_t max_uploads_per_user;
};

struct Untar {
  std::uint32_t max_members;
  std::uint64_t max_bytes;
  std::uint32_t max_ratio;
};

struct Workers {
  int hashers;
  int writer_threads;
  int io_threads;
};

// Where a setting stands in the file, by key: "storage.path" is on 4. What is not there has its default.
using Lines = std::map<std::string, int, std::less<>>;

struct Config {
  Path file;  // where it was read
  std::string address;
  std::optional<Path> pidfile;
  mode_t umask = 0077;
  Storage storage;
  Logging logging;
  Path keys_dir;
  Path ledger;
  std::optional<Path> runtime_dir;
  Flow flow;
  Limits limits;
  Untar untar;
  Workers workers;
  Named named;  // filled by read_named, or from a bundle
  Lines lines;
};

// "storage.dropboxes[2].schema"
std::string dropbox_key(std::size_t index, const char* name);

// "FILE:LINE: KEY: what is wrong and what to change". A server that meets one exits 78. Without a line (0) or
// a key (empty) that part is left out.
class Error : public std::runtime_error {
 public:
  Error(const Path& file, int line, std::string_view key, std::string_view sentence);
};

// Reads the text of a config file, or a bundle; `file` is absolute: it names the file and anchors relative
// paths. `home` is the user's home directory, for the default keys.dir. Pure. Throws Error.
Config parse(std::string_view text, const Path& file, const Path& home);

// Reads the schema files and looks up the groups that the config names. Throws Error.
void read_named(Config& config);

// The text of a config file together with what read_named found: what the workers get.
std::string bundle(std::string_view text, const Named& named);

// Bytes that are kept back on a file system of so many: limits.min_free_space, or 1 GiB or 5 %, whichever is
// less.
std::uint64_t kept_back(const Limits& limits, std::uint64_t file_system);

// Where items for `dropbox` are made ready when no rename leads there from tmp_dir, which is on another file
// system or mount: its `own` staging, else .dync-staging in its parent, which is made when it is needed.
// Nothing: tmp_dir will do. Throws posix::Error, Kind::cross_device if no rename leads from there either.
std::optional<Path> dropbox_staging(const Path& tmp_dir, const Path& dropbox, const std::optional<Path>& own);
// All such places that are there, needed now or not: dropboxes and the directories for passthrough.
// `unreadable` hears of each place that can't be looked at; without it the first such error is thrown.
std::vector<Path> dropbox_stagings(
    const Storage& storage, const std::function<void(const Path&, const posix::Error&)>& unreadable = {});

// What parse can't see: that each directory is there and writable, that items can be renamed into each
// dropbox, that neither the ledger nor a dropbox's staging lies in a dropbox. Throws Error.
void check_directories(const Config& config);

}  // namespace dync::config
