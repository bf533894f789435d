#pragma once

// Where a test build can be killed (posix::crash_point), in the order of an upload's way: the number is the
// step of the commit.
namespace dync::receiver::crash {

inline constexpr char kOpened[] = "receive.1.opened";      // its mark is taken, its client was not told
inline constexpr char kWritten[] = "receive.2.written";    // a chunk, and the marks know it
inline constexpr char kSynced[] = "receive.2.synced";      // up to a planned offset, nobody was told
inline constexpr char kParked[] = "receive.2.parked";      // synced and closed, nobody was told
inline constexpr char kFinished[] = "receive.3.finished";  // all is synced and closed, nobody was told
inline constexpr char kTold[] = "receive.3.told";          // the committer was sent AllReceived

// In the recovery, in its order.
inline constexpr char kCut[] = "restore.1.cut";            // an upload is cut to its mark, its epoch is new
inline constexpr char kRestored[] = "restore.2.restored";  // all uploads are there, clients are not served
inline constexpr char kBound[] = "restore.3.bound";        // clients may speak, the supervisor was not told

}  // namespace dync::receiver::crash
