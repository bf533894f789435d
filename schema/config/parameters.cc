#include "schema/config/parameters.h"

#include <array>
#include <chrono>
#include <type_traits>

#include "schema/limits/limits.h"

namespace dync::config {
namespace {

using limits::kGiB;
using limits::kKiB;
using limits::kMiB;

constexpr std::uint64_t kMinute = 60;
constexpr std::uint64_t kDay = 24UL * 60 * kMinute;
constexpr std::uint64_t kTiB = 1024 * kGiB;
constexpr std::uint64_t kEiB = 1024UL * 1024 * kTiB;

template <typename Field>
void assign(Field& field, std::uint64_t value) {
  if constexpr (std::is_same_v<Field, std::chrono::seconds>)
    field = std::chrono::seconds(value);
  else if constexpr (std::is_same_v<Field, std::optional<std::uint64_t>>)
    field = value;
  else
    field = static_cast<Field>(value);
}

std::string written(std::chrono::seconds value) {
  return std::to_string(value.count());
}
std::string written(const std::optional<std::uint64_t>& value) {
  return value ? std::to_string(*value) : "";
}
std::string written(const std::optional<Path>& value) {
  return value ? value->native() : "";
}
template <typename Integer>
requires std::is_integral_v<Integer> std::string written(Integer value) {
  return std::to_string(value);
}

std::string octal(mode_t mode) {
  std::string digits = "0000";
  for (std::size_t i = digits.size(); i-- > 0; mode >>= 3U) digits[i] = static_cast<char>('0' + (mode & 7U));
  return digits;
}

// Everything that a dropbox is, so that two lists are equal if and only if their texts are.
std::string dropboxes_of(const Config& config) {
  std::string all;
  const auto add = [&all](std::string_view part) { all.append(part).append(1, '\0'); };
  for (const Dropbox& box : config.storage.dropboxes) {
    add(box.regexp);
    add(box.path.native());
    for (const std::string& origin : box.origins) add("user " + origin);
    for (const std::string& key : box.required_metadata) add("key " + key);
    add(box.schema ? "schema " + box.schema->native() : "");
    add(box.staging ? "staging " + box.staging->native() : "");
    add(box.mode ? octal(*box.mode) : "");
    const auto group = config.named.groups.find(box.group.value_or(""));
    add(box.group.value_or("") +
        (group == config.named.groups.end() ? "" : "=" + std::to_string(group->second)));
    add(std::string(box.requires_barcode ? "barcode" : "") + (box.match_file ? "" : " off"));
  }
  return all;
}

std::string log_file_of(const Config& config) {
  const Logging& logging = config.logging;
  if (!logging.file || logging.max_bytes == 0) return written(logging.file);
  return logging.file->native() + ", rotated at " + std::to_string(logging.max_bytes) + " bytes, " +
         std::to_string(logging.backups) + " kept";
}

template <auto Section, auto Member>
constexpr Parameter number(const char* key, Unit unit, std::optional<std::uint64_t> fallback,
                           std::uint64_t least, std::uint64_t most, Takes takes, const char* reason,
                           const char* fallback_text = "") {
  return {.key = key,
          .unit = unit,
          .fallback = fallback,
          .fallback_text = fallback_text,
          .least = least,
          .most = most,
          .range_text = "",
          .set = [](Config& c, std::uint64_t value) { assign(c.*Section.*Member, value); },
          .get = [](const Config& c) { return written(c.*Section.*Member); },
          .takes = takes,
          .reason = reason};
}

constexpr Parameter text(const char* key, Unit unit, const char* fallback, const char* range,
                         std::string (*get)(const Config&), Takes takes, const char* reason) {
  return {.key = key,
          .unit = unit,
          .fallback = {},
          .fallback_text = fallback,
          .least = 0,
          .most = 0,
          .range_text = range,
          .set = nullptr,
          .get = get,
          .takes = takes,
          .reason = reason};
}

constexpr Takes kReload = Takes::reload;
constexpr Takes kRestart = Takes::restart;
constexpr char kAbsolute[] = "absolute path";

// clang-format off
constexpr std::array kParameters = {
    text("address", Unit::other, "`tcp://*:8889`", "`tcp://HOST:PORT`", [](const Config& c) { return c.address; },
         kRestart, "where clients connect; PORT may be `*`, any free one"),
    text("options.pidfile", Unit::path, "none", "path", [](const Config& c) { return written(c.pidfile); },
         kRestart, "written by a server in the background; a relative one begins at the config file"),
    text("options.umask", Unit::other, "`0077`", "`0000` to `0777`", [](const Config& c) { return octal(c.umask); },
         kRestart, "holds for all that is written"),
    text("storage.tmp_dir", Unit::path, "must be given", kAbsolute,
         [](const Config& c) { return c.storage.tmp_dir.native(); },
         kRestart, "staging: uploads that are not finished; best on the dropboxes' file system"),
    text("storage.path", Unit::path, "must be given", kAbsolute,
         [](const Config& c) { return c.storage.path.native(); },
         kRestart, "the store; the ledger lies there by default"),
    text("storage.manual", Unit::path, "none", kAbsolute, [](const Config& c) { return written(c.storage.manual); },
         kReload, "metadata with `passthrough: WORD` goes to its directory WORD; none, or not there: refused"),
    text("storage.dropboxes", Unit::other, "none", "list, see below", dropboxes_of,
         kReload, "the first whose regexp and users fit takes the file"),
    text("logging.root.level", Unit::other, "`INFO`", "Python's names or numbers",
         [](const Config& c) { return c.logging.level; },
         kReload, "what the log tells, as DEBUG, INFO, WARNING or ERROR; the handlers' own levels do not count"),
    text("logging.handlers", Unit::other, "no file", "as Python's dictConfig", log_file_of,
         kRestart, "`filename`, `maxBytes`, `backupCount` of the handler that `root` uses, else of the first with a file"),
    text("keys.dir", Unit::path, "`~/.dync`", kAbsolute, [](const Config& c) { return c.keys_dir.native(); },
         kRestart, "the server's certificate, and `clients/` with those of the users"),
    text("ledger", Unit::path, "`dync.sqlite` in `storage.path`", kAbsolute,
         [](const Config& c) { return c.ledger.native(); },
         kRestart, "on a local disk, outside of `tmp_dir` and the dropboxes"),
    text("runtime_dir", Unit::path, "`$RUNTIME_DIRECTORY`, else a private temporary one", kAbsolute,
         [](const Config& c) { return written(c.runtime_dir); },
         kRestart, "the workers' sockets; a socket's path ends at 107 bytes"),
    number<&Config::flow, &Flow::chunk_size>("flow.chunk_size", Unit::bytes, kMiB, 4 * kKiB, limits::kSlotBytes,
         kRestart, "large chunks cost less; a chunk must fit into a slot; originals get 256 KiB at most"),
    number<&Config::flow, &Flow::max_queue>("flow.max_queue", Unit::chunks, 64, 1, 1024,
         kRestart, "a client's window: with 1 MiB chunks 64 MiB, enough for 10 Gbit/s at 50 ms; originals get 100 × 256 KiB"),
    number<&Config::flow, &Flow::budget>("flow.budget", Unit::bytes, 256 * kMiB, kMiB, kTiB,
         kRestart, "what all clients may have on the way at once; the server's memory is this, the slots and a constant"),
    number<&Config::limits, &Limits::idle_timeout>("limits.idle_timeout", Unit::seconds, 3600, 10, 30 * kDay,
         kReload, "an original that is silent for so long is given up; its source may pause for long"),
    number<&Config::limits, &Limits::partial_ttl>("limits.partial_ttl", Unit::seconds, 7 * kDay, 1, 3650 * kDay,
         kReload, "how long an interrupted upload waits for its client: over a holiday, and not for ever"),
    number<&Config::limits, &Limits::max_metadata>("limits.max_metadata", Unit::bytes, 64 * kKiB, kKiB, kMiB,
         kReload, "metadata is kept in the ledger; above 64 KiB it must not exceed `flow.chunk_size`, or its frame is too long"),
    number<&Config::limits, &Limits::min_free_space>("limits.min_free_space", Unit::bytes, {}, 0, kEiB,
         kReload, "kept back so that what was received can still be published and recorded",
         "1 GiB or 5 % of the file system, whichever is less"),
    number<&Config::limits, &Limits::max_uploads_per_user>("limits.max_uploads_per_user", Unit::count, 1000, 1, limits::kMarks,
         kReload, "one user can't take all places; the shared memory has 16384 of them"),
    number<&Config::untar, &Untar::max_members>("untar.max_members", Unit::count, 10, 1, 1'000'000,
         kReload, "as the original; every entry counts, directories and the top-level one too"),
    number<&Config::untar, &Untar::max_bytes>("untar.max_bytes", Unit::bytes, 10 * kGiB, 1, kEiB,
         kReload, "the sum of an archive's files; a small archive must not fill the store"),
    number<&Config::untar, &Untar::max_ratio>("untar.max_ratio", Unit::count, 200, 1, 10'000,
         kReload, "unpacked to packed size; real data stays below 200, a bomb reaches 1000"),
    number<&Config::workers, &Workers::hashers>("workers.hashers", Unit::count, 1, 1, limits::kMaxHashers,
         kRestart, "one does over 1 GB/s; more serve different uploads"),
    number<&Config::workers, &Workers::writer_threads>("workers.writer_threads", Unit::count, 2, 1, 64,
         kRestart, "they serve different uploads; one reaches 2 GB/s, the second keeps small ones moving"),
    number<&Config::workers, &Workers::io_threads>("workers.io_threads", Unit::count, 1, 1, 16,
         kRestart, "ZeroMQ's threads; encryption costs a core for each 1.3 GB/s"),
};
// clang-format on

std::string with_unit(std::uint64_t value, Unit unit) {
  std::string plain = std::to_string(value);
  if (unit == Unit::seconds && value != 0 && value % kDay == 0) {
    return plain + " (" + std::to_string(value / kDay) + (value == kDay ? " day)" : " days)");
  }
  if (unit != Unit::bytes) return plain;
  constexpr std::array<std::pair<std::uint64_t, const char*>, 5> kSteps = {
      {{kEiB, " EiB)"}, {kTiB, " TiB)"}, {kGiB, " GiB)"}, {kMiB, " MiB)"}, {kKiB, " KiB)"}}};
  for (const auto& [size, name] : kSteps) {
    if (value != 0 && value % size == 0) return plain + " (" + std::to_string(value / size) + name;
  }
  return plain;
}

std::string default_of(const Parameter& row) {
  return row.fallback ? with_unit(*row.fallback, row.unit) : row.fallback_text;
}

std::string range_of(const Parameter& row) {
  if (row.set == nullptr) return row.range_text;
  return with_unit(row.least, row.unit) + " to " + with_unit(row.most, row.unit);
}

}  // namespace

std::span<const Parameter> parameters() {
  return kParameters;
}

std::string_view text_of(Unit unit) {
  switch (unit) {
    case Unit::bytes:
      return "bytes";
    case Unit::chunks:
      return "chunks";
    case Unit::seconds:
      return "seconds";
    case Unit::count:
      return "";
    case Unit::path:
      return "path";
    case Unit::other:
      return "";
  }
  return "";
}

std::string shown(const Parameter& row, const Config& config) {
  std::string value = row.get(config);
  if (value.empty()) return row.fallback_text;
  if (row.set == nullptr) return value;
  const std::string number = with_unit(std::stoull(value), row.unit);
  const std::string_view unit = text_of(row.unit);
  return unit.empty() ? number : value + " " + std::string(unit) + number.substr(value.size());
}

std::string parameters_as_markdown() {
  std::string table =
      "| setting | unit | default | range | a change counts | why |\n|---|---|---|---|---|---|\n";
  for (const Parameter& row : kParameters) {
    table.append("| `").append(row.key).append("` | ").append(text_of(row.unit));
    table.append(" | ").append(default_of(row)).append(" | ").append(range_of(row));
    table.append(row.takes == Takes::reload ? " | after a reload" : " | after a restart");
    table.append(" | ").append(row.reason).append(" |\n");
  }
  return table;
}

Changes changes(const Config& running, const Config& next) {
  Changes found;
  for (const Parameter& row : kParameters) {
    if (row.get(running) == row.get(next)) continue;
    (row.takes == Takes::reload ? found.reloadable : found.need_restart).emplace_back(row.key);
  }
  for (const auto& [file, text] : next.named.schemas) {
    const auto before = running.named.schemas.find(file);
    if (before != running.named.schemas.end() && before->second != text)
      found.reloadable.push_back(file.native());
  }
  return found;
}

}  // namespace dync::config
