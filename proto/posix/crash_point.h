#pragma once

namespace dync::posix {

// Kills this process by SIGKILL when the environment's DYNC_CRASH_AT is `NAME` or `NAME:COUNT` (the COUNTth
// pass, from 1). Only in builds with DYNC_CRASH_POINTS; elsewhere it is nothing. Names are listed where the
// steps are, such as committer/crash_points.h.
#ifdef DYNC_CRASH_POINTS
void crash_point(const char* name);
#else
inline void crash_point(const char*) {}
#endif

}  // namespace dync::posix
