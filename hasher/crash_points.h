#pragma once

// Where a test build can be killed (posix::crash_point), in the order of an upload's way: the number is the
// step of the commit.
namespace dync::hasher::crash {

inline constexpr char kBegun[] = "hash.2.begun";            // the upload is known, nothing of it is hashed
inline constexpr char kCheckpoint[] = "hash.2.checkpoint";  // the committer was sent the state
inline constexpr char kVerdict[] = "hash.4.verdict";        // the digest is compared, nobody was told

}  // namespace dync::hasher::crash
