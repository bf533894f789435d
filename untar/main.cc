#include <CLI/CLI.hpp>
#include <clocale>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <unistd.h>

#include "dync_version.h"
#include "proto/posix/crash_point.h"
#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "schema/limits/untar_exit.h"
#include "untar/crash_points.h"
#include "untar/extract.h"
#include "untar/sandbox.h"

#ifdef DYNC_SANITIZED
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): AddressSanitizer asks for this
// name
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0";
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
#endif

// dync-untar: unpacks one archive and ends. Started by dync-server with three descriptors and no path.
namespace {

using namespace dync;
namespace untar_exit = limits::untar_exit;

constexpr int kArchive = 3;    // read-only
constexpr int kDirectory = 4;  // empty, to fill
constexpr int kReport = 5;     // gets one sentence
constexpr int kExitUsage = 2;

bool has_descriptors() {
  for (const int fd : {kArchive, kDirectory, kReport}) {
    if (::fcntl(fd, F_GETFD) < 0) return false;
  }
  return true;
}

int run(const untar::Limits& limits) {
  try {
    // libarchive converts the names in PAX headers to the locale's encoding.
    if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr)
      throw std::runtime_error("the locale C.UTF-8 is missing");
    posix::claim_crash_tokens(untar::crash::kAll);
    untar::enter_sandbox(kDirectory, limits.max_bytes);
    const untar::Outcome outcome = untar::extract(kArchive, kDirectory, limits);
    if (outcome.exit_code == untar_exit::kRefused) posix::write_all(kReport, outcome.sentence);
    return outcome.exit_code;
  } catch (const posix::Error& error) {
    if (error.kind() == posix::Kind::no_space) return untar_exit::kNoRoom;
    posix::write_all(kReport, error.what());
    return untar_exit::kFailed;
  } catch (const std::exception& e) {
    posix::write_all(kReport, e.what());
    return untar_exit::kFailed;
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Unpacks one tar for dync-server. Never started by hand.", "dync-untar");
  untar::Limits limits;
  app.set_version_flag("--version", std::string("dync-untar ") + kVersion);
  app.add_option("--max-members", limits.max_members, "entries at most, directories included")->required();
  app.add_option("--max-bytes", limits.max_bytes, "sum of the files' sizes")->required();
  app.add_option("--max-ratio", limits.max_ratio, "unpacked to packed size")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? untar_exit::kExtracted : kExitUsage;
  }
  if (!has_descriptors()) {
    std::cerr
        << "dync-untar is started by dync-server, with an archive, a directory and a report at 3, 4 and 5\n";
    return kExitUsage;
  }
  try {
    return run(limits);
  } catch (const std::exception& e) {
    std::cerr << "dync-untar: " << e.what() << '\n';
    return untar_exit::kFailed;
  }
}
