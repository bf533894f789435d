#include <cstdio>
#include <string_view>

#include "ops/server/settings.h"

namespace dync::server {
namespace {

void add(std::string& text, std::string_view name, std::string_view value) {
  constexpr std::size_t kColumn = 16;
  text += name;
  text.append(name.size() < kColumn ? kColumn - name.size() : 1, ' ');
  text += value;
  text += '\n';
}

std::string octal(mode_t mode) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "%04o", static_cast<unsigned>(mode));
  return digits;
}

std::string users_of(const config::Dropbox& dropbox) {
  if (dropbox.origins.empty()) return "every user";
  std::string users = "only ";
  for (const std::string& user : dropbox.origins)
    users += (&user == &dropbox.origins.front() ? "" : ", ") + user;
  return users;
}

std::string rule_of(const config::Dropbox& dropbox) {
  std::string rule =
      dropbox.path.native() + "  from names like '" + dropbox.regexp + "'; " + users_of(dropbox);
  rule += dropbox.requires_barcode ? "; barcode required" : "; no barcode needed";
  if (!dropbox.match_file) rule += "; match_file is off: never matches";
  return rule;
}

std::string log_of(const config::Logging& logging) {
  std::string where = logging.level + ", standard error in the foreground";
  if (!logging.file) return where + ", no file";
  where += ", " + logging.file->native();
  if (logging.max_bytes > 0)
    where += " (rotated at " + std::to_string(logging.max_bytes) + " bytes, " +
             std::to_string(logging.backups) + " kept)";
  return where;
}

void add_limits(std::string& text, const config::Config& config) {
  const auto number = [](auto value) { return std::to_string(value); };
  add(text, "limits",
      "idle_timeout " + number(config.limits.idle_timeout.count()) + " s, partial_ttl " +
          number(config.limits.partial_ttl.count()) + " s, max_metadata " +
          number(config.limits.max_metadata) + " bytes, min_free_space " +
          (config.limits.min_free_space ? number(*config.limits.min_free_space) + " bytes"
                                        : "1 GiB or 5 %, whichever is less") +
          ", max_uploads_per_user " + number(config.limits.max_uploads_per_user));
  add(text, "flow",
      "chunk_size " + number(config.flow.chunk_size) + " bytes, max_queue " + number(config.flow.max_queue) +
          " chunks, budget " + number(config.flow.budget) + " bytes");
  add(text, "untar",
      "max_members " + number(config.untar.max_members) + ", max_bytes " + number(config.untar.max_bytes) +
          ", max_ratio " + number(config.untar.max_ratio));
  add(text, "workers",
      "hashers " + number(config.workers.hashers) + ", writer_threads " +
          number(config.workers.writer_threads) + ", io_threads " + number(config.workers.io_threads));
}

}  // namespace

std::string describe(const Settings& settings) {
  const config::Config& config = settings.config;
  std::string text;
  add(text, "config", config.file.native());
  add(text, "address", config.address);
  add(text, "staging", config.storage.tmp_dir.native());
  add(text, "store", config.storage.path.native());
  add(text, "passthrough",
      config.storage.manual ? config.storage.manual->native() : "refused: storage.manual is not set");
  int number = 0;
  for (const auto& dropbox : config.storage.dropboxes)
    add(text, "dropbox " + std::to_string(++number), rule_of(dropbox));
  if (number == 0) add(text, "dropboxes", "none: only passthrough is accepted");
  add(text, "keys",
      config.keys_dir.native() + ", valid client keys: " + std::to_string(settings.client_keys));
  add(text, "ledger", config.ledger.native());
  add(text, "runtime_dir",
      config.runtime_dir ? config.runtime_dir->native() : "$RUNTIME_DIRECTORY, or a temporary one");
  add(text, "pidfile", config.pidfile ? config.pidfile->native() : "none");
  add(text, "umask", octal(config.umask));
  add(text, "log", log_of(config.logging));
  add_limits(text, config);
  return text;
}

}  // namespace dync::server
