#pragma once

#include <cstdint>
#include <span>
#include <string>

// What only test builds can do (DYNC_CRASH_POINTS); elsewhere all of it is nothing.
namespace dync::posix {

// Kills this process by SIGKILL when the environment's DYNC_CRASH_AT names this point: a list of `NAME` or
// `NAME:COUNT` (the COUNTth pass of each process, from 1) with commas between. Every process that comes there
// dies, also the one that recovers, unless DYNC_CRASH_TOKENS is a directory: then a death takes the file NAME
// or NAME.* away from it, and where there is none nobody dies. The list `*` names every point, for a server
// whose tokens are laid one after another; it needs the directory. Names are listed where the steps are, such
// as committer/crash_points.h.
#ifdef DYNC_CRASH_POINTS
void crash_point(const char* name);
// For a process that soon can't reach the directory any more: takes the tokens of these points now.
void claim_crash_tokens(std::span<const char* const> names);
#else
inline void crash_point(const char*) {}
inline void claim_crash_tokens(std::span<const char* const>) {}
#endif

// What a test gives by an environment variable instead of `usual`: a limit made smaller, another boot's id.
#ifdef DYNC_CRASH_POINTS
std::uint64_t test_value(const char* variable, std::uint64_t usual);
std::string test_value(const char* variable, std::string usual);
#else
inline std::uint64_t test_value(const char*, std::uint64_t usual) {
  return usual;
}
inline std::string test_value(const char*, std::string usual) {
  return usual;
}
#endif

}  // namespace dync::posix
