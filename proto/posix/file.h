#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "proto/posix/fd.h"

// Files and directories, as durable as the caller asks for. Every function throws posix::Error with the
// path in its sentence. `at` functions take a directory descriptor and one plain name, and follow no symlink.
namespace dync::posix {

using Path = std::filesystem::path;

enum class FileType { regular, directory, symlink, other };

struct FileInfo {
  FileType type;
  std::uint64_t size;   // bytes
  std::uint64_t taken;  // bytes of the disk: less than size in a hole, more where blocks were allocated ahead
  std::int64_t mtime_ns;  // since the epoch
  std::uint64_t device;
  std::uint64_t inode;
  mode_t mode;  // permission bits only
};

// `flags` as for open(2); O_CLOEXEC is added.
Fd open_file(const Path& path, int flags, mode_t mode = 0640);
Fd open_at(int directory, const std::string& name, int flags, mode_t mode = 0640);
Fd open_directory(const Path& path);
Fd open_directory_at(int directory, const std::string& name);

FileInfo info_of(int fd);
// Nothing if there is no such entry. A symlink is reported, never followed.
std::optional<FileInfo> find_at(int directory, const std::string& name);
std::optional<FileInfo> find(const Path& path);
// Absolute, every link followed, as far as it exists; what is missing stays as it is spelt.
Path real_path(const Path& path);

// Reads until `into` is full or the file ends; returns the bytes read.
std::size_t read_at(int fd, std::span<std::byte> into, std::uint64_t offset);
void write_at(int fd, std::span<const std::byte> from, std::uint64_t offset);
void write_all(int fd, std::string_view text);
// The whole file. Kind::exhausted if it is longer than `limit` bytes.
std::string read_file(const Path& path, std::size_t limit);
std::string read_file(int fd, std::string_view name, std::size_t limit);

// The kernel reads of this file only what is asked for, never ahead into what somebody still writes.
void never_read_ahead(int fd);

// A failed sync is final: the kernel has marked the pages clean. Never call it again for the same data.
void sync_data(int fd);
void sync_all(int fd);
void sync_directory(const Path& path);

void make_directory_at(int directory, const std::string& name, mode_t mode);
// Creates `name` with `content`, synced; an older file of that name is truncated first.
void write_file_at(int directory, const std::string& name, std::string_view content, mode_t mode);
// Replaces `path` with `content` so that a reader sees the old or the new file, whole.
void replace_file(const Path& path, std::string_view content, mode_t mode);

// Renames and never replaces: Kind::exists if the target is there, Kind::not_found if the source is gone,
// Kind::cross_device if they lie on different file systems. Where the file system has no RENAME_NOREPLACE:
// directories by plain rename, files by link and unlink.
void rename_no_replace(int from_directory, const std::string& from, int to_directory, const std::string& to);
// That second way. A file that already has both names, after a crash between the two steps, loses the first.
void rename_by_link(int from_directory, const std::string& from, int to_directory, const std::string& to);

// Removes a file, or a directory with all below it, never through a symlink. Nothing there is no error.
void remove_tree_at(int directory, const std::string& name);
// Removes a directory if it is empty; one that is not, or none, is no error.
void remove_empty_directory_at(int directory, const std::string& name);

// Calls `visit` with the name of each entry of a directory, without `.` and `..`, in no order.
void each_entry(const Path& directory, const std::function<void(const std::string&)>& visit);
void each_entry(int directory, const std::function<void(const std::string&)>& visit);

// True once nobody else can write the file open at `fd` (a read lease was granted and given back),
// false while a writable descriptor exists anywhere. True where the file system knows no leases.
bool nobody_writes(int fd);

// Blocks for the first `bytes` of a file that is there, its size stays. False if there is no room for them,
// or the file system can't do it.
bool allocate_ahead(const Path& path, std::uint64_t bytes);
bool allocate_ahead(int fd, std::uint64_t bytes) noexcept;

// The file system of `path`.
struct Space {
  std::uint64_t free;   // bytes that this user may still take
  std::uint64_t total;  // bytes
  std::uint64_t device;
};
Space space_of(const Path& path);

// A sealed memory file of exactly `bytes`, and a shared mapping of one.
Fd make_memory_file(const char* name, std::size_t bytes);

class Mapping {
 public:
  Mapping() = default;
  Mapping(int fd, std::size_t bytes);  // shared, readable and writable
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace dync::posix
