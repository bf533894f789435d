#pragma once

#include <filesystem>
#include <vector>

#include "ops/server/process.h"

namespace dync::server {

// Where the workers' programs lie: $DYNC_LIBEXEC, or libexec/dync beside the directory of this program.
std::filesystem::path libexec_directory();

// All workers of a server with so many hashers. Throws std::runtime_error if a program is not there.
std::vector<WorkerSpec> worker_specs(const std::filesystem::path& libexec, int hashers);
std::filesystem::path untar_program(const std::filesystem::path& libexec);

}  // namespace dync::server
