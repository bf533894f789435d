#include "schema/config/parameters.h"

#include <array>

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

// clang-format off
constexpr std::array kParameters = {
    Parameter{"keys.dir", Unit::path, {}, "`~/.dync`", 0, 0, nullptr,
              "the server's certificate, and `clients/` with those of the users"},
    Parameter{"ledger", Unit::path, {}, "`dync.sqlite` in `storage.path`", 0, 0, nullptr,
              "on a local disk, outside of `tmp_dir` and the dropboxes"},
    Parameter{"runtime_dir", Unit::path, {}, "`$RUNTIME_DIRECTORY`, else a private temporary one", 0, 0, nullptr,
              "the workers' sockets; a socket's path ends at 107 bytes"},
    Parameter{"flow.chunk_size", Unit::bytes, kMiB, "", 4 * kKiB, limits::kSlotBytes,
              [](Config& c, std::uint64_t v) { c.flow.chunk_size = static_cast<std::uint32_t>(v); },
              "large chunks cost less; a chunk must fit into a slot; originals get 256 KiB at most"},
    Parameter{"flow.max_queue", Unit::chunks, 64, "", 1, 1024,
              [](Config& c, std::uint64_t v) { c.flow.max_queue = static_cast<std::uint32_t>(v); },
              "a client's window: with 1 MiB chunks 64 MiB, enough for 10 Gbit/s at 50 ms; originals get 100 × 256 KiB"},
    Parameter{"flow.budget", Unit::bytes, 256 * kMiB, "", kMiB, kTiB,
              [](Config& c, std::uint64_t v) { c.flow.budget = v; },
              "what all clients may have on the way at once; the server's memory is this, the slots and a constant"},
    Parameter{"limits.idle_timeout", Unit::seconds, 3600, "", 10, 30 * kDay,
              [](Config& c, std::uint64_t v) { c.limits.idle_timeout = std::chrono::seconds(v); },
              "an original that is silent for so long is given up; its source may pause for long"},
    Parameter{"limits.partial_ttl", Unit::seconds, 7 * kDay, "", 1, 3650 * kDay,
              [](Config& c, std::uint64_t v) { c.limits.partial_ttl = std::chrono::seconds(v); },
              "how long an interrupted upload waits for its client: over a holiday, and not for ever"},
    Parameter{"limits.max_metadata", Unit::bytes, 64 * kKiB, "", kKiB, kMiB,
              [](Config& c, std::uint64_t v) { c.limits.max_metadata = v; },
              "metadata is kept in the ledger; above 64 KiB it must not exceed `flow.chunk_size`, or its frame is too long"},
    Parameter{"limits.min_free_space", Unit::bytes, {}, "1 GiB or 5 % of the file system, whichever is less", 0, kEiB,
              [](Config& c, std::uint64_t v) { c.limits.min_free_space = v; },
              "kept back so that what was received can still be published and recorded"},
    Parameter{"limits.max_uploads_per_user", Unit::count, 1000, "", 1, limits::kMarks,
              [](Config& c, std::uint64_t v) { c.limits.max_uploads_per_user = static_cast<std::uint32_t>(v); },
              "one user can't take all places; the shared memory has 16384 of them"},
    Parameter{"untar.max_members", Unit::count, 10, "", 1, 1'000'000,
              [](Config& c, std::uint64_t v) { c.untar.max_members = static_cast<std::uint32_t>(v); },
              "as the original; every entry counts, directories and the top-level one too"},
    Parameter{"untar.max_bytes", Unit::bytes, 10 * kGiB, "", 1, kEiB,
              [](Config& c, std::uint64_t v) { c.untar.max_bytes = v; },
              "the sum of an archive's files; a small archive must not fill the store"},
    Parameter{"untar.max_ratio", Unit::count, 200, "", 1, 10'000,
              [](Config& c, std::uint64_t v) { c.untar.max_ratio = static_cast<std::uint32_t>(v); },
              "unpacked to packed size; real data stays below 200, a bomb reaches 1000"},
    Parameter{"workers.hashers", Unit::count, 1, "", 1, limits::kMaxHashers,
              [](Config& c, std::uint64_t v) { c.workers.hashers = static_cast<int>(v); },
              "one does over 1 GB/s; more serve different uploads"},
    Parameter{"workers.writer_threads", Unit::count, 2, "", 1, 64,
              [](Config& c, std::uint64_t v) { c.workers.writer_threads = static_cast<int>(v); },
              "they serve different uploads; one reaches 2 GB/s, the second keeps small ones moving"},
    Parameter{"workers.io_threads", Unit::count, 1, "", 1, 16,
              [](Config& c, std::uint64_t v) { c.workers.io_threads = static_cast<int>(v); },
              "ZeroMQ's threads; encryption costs a core for each 1.3 GB/s"},
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
  if (row.set == nullptr) return "absolute path";
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
  }
  return "";
}

std::string parameters_as_markdown() {
  std::string table = "| setting | unit | default | range | why |\n|---|---|---|---|---|\n";
  for (const Parameter& row : kParameters) {
    table.append("| `").append(row.key).append("` | ").append(text_of(row.unit));
    table.append(" | ").append(default_of(row)).append(" | ").append(range_of(row));
    table.append(" | ").append(row.reason).append(" |\n");
  }
  return table;
}

}  // namespace dync::config
