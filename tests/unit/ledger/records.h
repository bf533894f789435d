#pragma once

#include <string>

#include "proto/posix/file.h"
#include "schema/ledger/writer.h"

// What the ledger's tests share.
namespace dync::ledger {

// A directory of its own, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  posix::Path file(const std::string& name) const { return path_ / name; }
  const posix::Path& path() const noexcept { return path_; }

 private:
  posix::Path path_;
};

Id id_of(unsigned number);
Digest digest_of(unsigned number);
Upload sample_upload(unsigned number);
Session sample_session(unsigned number);

// Adds sample `number` and leads it to `state`, each step in a batch of its own.
Id put(Writer& writer, unsigned number, State state = State::receiving);

}  // namespace dync::ledger
