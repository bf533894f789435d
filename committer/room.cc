#include "committer/room.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <unordered_map>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "schema/names/names.h"

namespace dync::committer {
namespace {

std::uint64_t less(std::uint64_t from, std::uint64_t bytes) {
  return from - std::min(from, bytes);
}

// "12897485 bytes (12.3 MiB)"
std::string shown(std::uint64_t bytes) {
  static constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB"};
  std::string text = std::to_string(bytes) + " bytes";
  if (bytes < 1024) return text;
  std::size_t unit = 0;
  double value = static_cast<double>(bytes) / 1024;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  std::array<char, 32> number{};
  std::snprintf(number.data(), number.size(), " (%.1f %s)", value, kUnits.at(unit));
  return text + number.data();
}

wire::Refusal too_little(const std::string& where, std::uint64_t free, std::uint64_t needed) {
  return {wire::Code::no_space,
          "the server has " + shown(free) + " free " + where + " for this upload, which needs " +
              shown(needed) +
              "; send it again when there is room, or ask the server's operator to make some"};
}

Path directory_of(const Job& job) {
  return Path(job.row.upload.destination).parent_path();
}

}  // namespace

Room::Room(const config::Config& config, const Jobs& jobs)
    : tmp_dir_(config.storage.tmp_dir), limits_(config.limits), jobs_(jobs) {}

// A file system that can't be asked says itself, later, that it is full.
std::optional<wire::Refusal> Room::lacks(const ipc::Open& open, const Path& dropbox, const Job* own) const {
  try {
    const std::uint64_t there = own != nullptr ? staged(*own) : 0;
    const auto size = open.options ? open.options->size : std::nullopt;
    if (auto refusal = lacks_staging(open, size ? less(*size, there) : open.chunk_size, own)) return refusal;
    return lacks_dropbox(dropbox, size.value_or(open.chunk_size), own);
  } catch (const posix::Error&) {
    return std::nullopt;
  }
}

// First as if nothing of the others had come yet: that needs no look at their files.
std::optional<wire::Refusal> Room::lacks_staging(const ipc::Open& open, std::uint64_t needed,
                                                 const Job* own) const {
  const std::uint64_t free = less(usable(posix::space_of(tmp_dir_)), open.promised);
  if (less(free, jobs_.announced()) >= needed) return std::nullopt;
  const std::uint64_t left = less(free, still_to_come(own));
  if (left >= needed) return std::nullopt;
  return too_little("in " + tmp_dir_.string(), left, needed);
}

// The data of all that will land on another file system is copied there when it is complete.
std::optional<wire::Refusal> Room::lacks_dropbox(const Path& dropbox, std::uint64_t size,
                                                 const Job* own) const {
  const posix::Space space = posix::space_of(dropbox);
  if (space.device == posix::space_of(tmp_dir_).device) return std::nullopt;
  std::uint64_t others = 0;
  std::unordered_map<std::string, bool> same;
  jobs_.each([&](const Job& job) {
    if (&job == own || job.parked()) return;
    const Path directory = directory_of(job);
    const auto [known, fresh] = same.try_emplace(directory.string(), directory == dropbox);
    if (fresh && !known->second) known->second = posix::space_of(directory).device == space.device;
    if (known->second)
      others += std::max(job.row.upload.size_declared.value_or(0), job.row.upload.bytes_received);
  });
  const std::uint64_t left = less(usable(space), others);
  if (left >= size) return std::nullopt;
  return too_little("in " + dropbox.string(), left, size);
}

std::uint64_t Room::still_to_come(const Job* own) const {
  std::uint64_t bytes = 0;
  jobs_.each([&](const Job& job) {
    if (&job == own || !job.attached() || !job.row.upload.size_declared) return;
    bytes += less(*job.row.upload.size_declared, staged(job));
  });
  return bytes;
}

// Bytes of the disk that its file has, those that were allocated ahead too.
std::uint64_t Room::staged(const Job& job) const {
  if (job.opening) return 0;
  const auto data = posix::find(names::staging_dir(tmp_dir_, job.id()) / names::kStagedData);
  return data ? data->taken : 0;
}

std::uint64_t Room::usable(const posix::Space& space) const {
  return less(space.free, config::kept_back(limits_, space.total));
}

}  // namespace dync::committer
