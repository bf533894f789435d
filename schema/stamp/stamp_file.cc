#include "schema/stamp/stamp_file.h"

#include <fcntl.h>

#include "proto/posix/file.h"

namespace dync::stamp {

std::optional<names::Stamp> read_at(int directory) {
  const auto file = posix::find_at(directory, names::kStamp);
  if (!file || file->type != posix::FileType::regular || file->size > names::kLongestStamp)
    return std::nullopt;
  const posix::Fd fd = posix::open_at(directory, names::kStamp, O_RDONLY | O_NONBLOCK);
  return names::parse_stamp(posix::read_file(fd.get(), names::kStamp, names::kLongestStamp));
}

}  // namespace dync::stamp
