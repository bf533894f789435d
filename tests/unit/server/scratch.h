#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace dync::test {

// A directory that goes with the test, with the fake workers' programs in `libexec`.
class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "dync-server-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
    std::filesystem::create_directory(path_ / "libexec");
    for (const char* program : {"dync-committer", "dync-hasher", "dync-receiver", "dync-untar"})
      std::filesystem::create_symlink(FAKE_WORKER, path_ / "libexec" / program);
    ::setenv("FAKE_DIR", path_.c_str(), 1);
    ::setenv("DYNC_LIBEXEC", (path_ / "libexec").c_str(), 1);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }
  std::string read(const std::string& name) const {
    std::ifstream file(path_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path_ / name) << text; }
  // How a fake worker is told what to do (fake_worker.cc).
  void tell(const std::string& worker, const std::string& what, const std::string& value = "") const {
    write(worker + "." + what, value);
  }
  // What the fake workers did, a line each.
  std::string journal() const { return read("journal"); }

 private:
  std::filesystem::path path_;
};

}  // namespace dync::test
