#include "untar/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <exception>
#include <sys/stat.h>

#include "schema/names/text.h"
#include "untar/refused.h"

namespace dync::untar {

struct Archive::Handle {
  explicit Handle(Source& from) : source(from), reader(::archive_read_new()) {
    if (reader == nullptr) throw std::bad_alloc();
  }
  ~Handle() { ::archive_read_free(reader); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  // An exception can't pass through C: it is kept, and thrown again after the call.
  static la_ssize_t read(archive*, void* self, const void** data) {
    auto* handle = static_cast<Handle*>(self);
    try {
      const auto piece = handle->source.next();
      *data = piece.data();
      return static_cast<la_ssize_t>(piece.size());
    } catch (...) {
      handle->thrown = std::current_exception();
      return ARCHIVE_FATAL;
    }
  }

  void check(int result) {
    if (thrown) std::rethrow_exception(thrown);
    if (result == ARCHIVE_OK) return;
    const char* why = ::archive_error_string(reader);
    std::string known = why == nullptr ? "unknown" : why;
    throw Refused("the archive is damaged or truncated: " + names::quote(known) + "; make it again");
  }

  Source& source;
  archive* reader;
  archive_entry* entry = nullptr;
  std::uint64_t offset = 0;  // in the current entry
  std::exception_ptr thrown;
};

Archive::Archive(Source& source) : handle_(std::make_unique<Handle>(source)) {
  archive* const reader = handle_->reader;
  handle_->check(::archive_read_support_format_tar(reader));
  handle_->check(::archive_read_open(reader, handle_.get(), nullptr, Handle::read, nullptr));
}

Archive::~Archive() = default;

bool Archive::next() {
  const int result = ::archive_read_next_header(handle_->reader, &handle_->entry);
  handle_->offset = 0;
  if (result != ARCHIVE_EOF || handle_->thrown) {
    handle_->check(result);
    return true;
  }
  check_end();
  return false;
}

// libarchive takes one block of zeros, or the mere end of the file, for the end of an archive.
void Archive::check_end() {
  const la_int64_t position = ::archive_read_header_position(handle_->reader);
  const auto end_mark = static_cast<std::uint64_t>(position);
  Source& source = handle_->source;
  while (!source.next().empty()) {
  }
  if (source.end_of_content() > end_mark) {
    throw Refused("bytes follow the end of the archive; send one archive alone");
  }
  if (source.bytes() < end_mark + 2 * kTarBlock) {
    throw Refused("the archive is truncated: its end mark is missing; send the whole file");
  }
}

Entry Archive::entry() const {
  archive_entry* const from = handle_->entry;
  Entry entry;
  const char* path = ::archive_entry_pathname(from);
  entry.path = path == nullptr ? "" : path;
  const auto type = ::archive_entry_filetype(from);
  entry.type = type == AE_IFREG   ? Entry::Type::file
               : type == AE_IFDIR ? Entry::Type::directory
               : type == AE_IFLNK ? Entry::Type::link
                                  : Entry::Type::other;
  if (::archive_entry_hardlink(from) != nullptr || ::archive_entry_symlink(from) != nullptr) {
    entry.type = Entry::Type::link;
  }
  entry.sparse = ::archive_entry_sparse_count(from) > 0;
  const la_int64_t size = ::archive_entry_size(from);
  if (::archive_entry_size_is_set(from) != 0 && size >= 0) entry.size = static_cast<std::uint64_t>(size);
  return entry;
}

std::int64_t Archive::mtime() const {
  return ::archive_entry_mtime(handle_->entry);
}

std::span<const std::byte> Archive::data() {
  const void* block = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  do {
    const int result = ::archive_read_data_block(handle_->reader, &block, &size, &offset);
    if (result == ARCHIVE_EOF && !handle_->thrown) return {};
    handle_->check(result);
  } while (size == 0);
  if (static_cast<std::uint64_t>(offset) != handle_->offset) {
    throw Refused("a member is stored with holes in it; archive it without tar's -S");
  }
  handle_->offset += size;
  return {static_cast<const std::byte*>(block), size};
}

}  // namespace dync::untar
