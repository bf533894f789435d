#pragma once

// Where a test build can be killed (posix::crash_point), in the order of an archive's way. The sandbox hides
// everything else, so main claims the tokens before it enters. Tests go through kAll.
namespace dync::untar::crash {

inline constexpr char kMember[] = "untar.1.member";        // the first file is made, not written
inline constexpr char kExtracted[] = "untar.2.extracted";  // all written, nothing synced
inline constexpr char kSynced[] = "untar.3.synced";        // all durable, nobody was told

inline constexpr const char* kAll[] = {kMember, kExtracted, kSynced};

}  // namespace dync::untar::crash
