#include "ops/server/programs.h"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <unistd.h>

#include "proto/posix/process.h"

namespace dync::server {
namespace {

using std::filesystem::path;

path find_program(const path& libexec, const char* name) {
  path program = libexec / name;
  if (::access(program.c_str(), X_OK) == 0) return program;
  throw std::runtime_error(
      "the program " + program.native() +
      " is not there or can't be run; install dync again, or set DYNC_LIBEXEC to the workers' "
      "directory");
}

}  // namespace

path libexec_directory() {
  if (const char* given = std::getenv("DYNC_LIBEXEC"); given != nullptr && *given != '\0') return given;
  return posix::own_program().parent_path().parent_path() / "libexec" / "dync";
}

std::vector<WorkerSpec> worker_specs(const path& libexec, int hashers) {
  std::vector<WorkerSpec> specs;
  specs.push_back({ipc::Role::committer, 0, "committer", find_program(libexec, "dync-committer")});
  for (int i = 0; i < hashers; ++i)
    specs.push_back(
        {ipc::Role::hasher, i, "hasher-" + std::to_string(i), find_program(libexec, "dync-hasher")});
  specs.push_back({ipc::Role::receiver, 0, "receiver", find_program(libexec, "dync-receiver")});
  return specs;
}

path untar_program(const path& libexec) {
  return find_program(libexec, "dync-untar");
}

}  // namespace dync::server
