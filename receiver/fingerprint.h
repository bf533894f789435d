#pragma once

#include "proto/digest/sha256.h"
#include "proto/ipc/messages.h"

namespace dync::receiver {

// What makes two post-files the same: name, metadata, and of our clients key, size and mtime. Kept instead of
// the metadata itself, which may be large.
digest::Digest fingerprint_of(const ipc::Open& open);

}  // namespace dync::receiver
