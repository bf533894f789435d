#pragma once

// How dync-untar ends: the agreement between it and the committer, which reads the code in ipc::UntarEnded.
// Any other code, or a signal, is a failure: it says nothing about the archive.
namespace dync::limits::untar_exit {

inline constexpr int kExtracted = 0;  // the tree is complete and synced
inline constexpr int kNotATar = 10;   // nothing was written; the file is stored as it is
inline constexpr int kRefused = 22;   // what was written is removed; one sentence is in the report
inline constexpr int kNoRoom = 75;    // the disk is full; what was written is removed, try again later
inline constexpr int kFailed = 70;    // a system call failed; the report may tell which

}  // namespace dync::limits::untar_exit
