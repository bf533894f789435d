#pragma once

// Where a test build of dync can be killed (posix::crash_point), in the order of an upload's way.
namespace dync::client::crash {

inline constexpr char kReplacing[] = "client.replacing";  // the new state is whole, the old one has the name
inline constexpr char kState[] = "client.state";          // written, nothing is posted yet
inline constexpr char kReceipt[] = "client.receipt";      // read, and nobody was told
inline constexpr char kWritten[] = "client.written";      // on standard output; the state is still there

}  // namespace dync::client::crash
