#include <clocale>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/posix/file.h"
#include "schema/limits/untar_exit.h"
#include "tests/fuzz/input.h"
#include "untar/extract.h"

// Any file is extracted, refused or no tar. Unless it was extracted the directory is empty, and what was
// extracted is one entry of files and directories. Without the sandbox, which would hold the fuzzer too.
namespace {

namespace fs = std::filesystem;
using namespace dync;

// In memory, where syncs cost nothing.
class Scratch {
 public:
  Scratch() {
    std::string name = "/dev/shm/dync-fuzz-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no scratch directory");
    path_ = name;
    std::setlocale(LC_CTYPE, "C.UTF-8");
  }
  ~Scratch() { fs::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

const fs::path& scratch() {
  static const Scratch once;
  return once.path();
}

void check(const untar::Outcome& outcome) {
  std::size_t tops = 0;
  posix::each_entry(scratch(), [&](const std::string&) { ++tops; });
  const bool extracted = outcome.exit_code == limits::untar_exit::kExtracted;
  fuzz::promise(tops == (extracted ? 1U : 0U), "one entry, or nothing");
  for (const auto& entry : fs::recursive_directory_iterator(scratch())) {
    const auto type = entry.symlink_status().type();
    fuzz::promise(type == fs::file_type::regular || type == fs::file_type::directory,
                  "files and directories only");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const posix::Fd archive(::memfd_create("archive", MFD_CLOEXEC));
  posix::write_at(archive.get(), std::as_bytes(std::span(data, size)), 0);
  const posix::Fd directory = posix::open_directory(scratch());
  const untar::Outcome outcome = untar::extract(archive.get(), directory.get(), {10, 1U << 20U, 200});
  const bool refused = outcome.exit_code == limits::untar_exit::kRefused;
  fuzz::promise(!refused || !outcome.sentence.empty(), "a refusal has its sentence");
  check(outcome);
  for (const auto& entry : fs::directory_iterator(scratch())) fs::remove_all(entry.path());
  return 0;
}
