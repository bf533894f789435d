#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "untar/census.h"
#include "untar/source.h"

namespace dync::untar {

// A tar's entries one after the other, by libarchive: format tar alone, no filter. Whatever it warns of or
// repairs is Refused.
class Archive {
 public:
  explicit Archive(Source& source);
  ~Archive();
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  // False at the end; then the archive has been read to its last byte: the end mark is there, and nothing but
  // zeros follows it.
  bool next();
  Entry entry() const;
  std::int64_t mtime() const;  // seconds since the epoch, 0 if unknown
  // Data of the current entry; empty at its end.
  std::span<const std::byte> data();

 private:
  struct Handle;
  void check_end();
  std::unique_ptr<Handle> handle_;
};

}  // namespace dync::untar
