#pragma once

#include <cstdint>
#include <locale.h>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dync::untar {

struct Limits {
  std::uint32_t max_members = 0;
  std::uint64_t max_bytes = 0;
  std::uint32_t max_ratio = 0;
};

// An entry as the archive tells of it.
struct Entry {
  enum class Type { file, directory, link, other };

  std::string path;
  Type type = Type::file;
  bool sparse = false;
  std::optional<std::uint64_t> size;  // bytes
};

// What is to be made for an entry, in this order, below the directory to fill.
struct Accepted {
  std::vector<std::string> directories;  // not made so far, outermost first
  std::optional<std::string> file;
};

// Counts an archive's entries against its limits and judges their names, types and sizes. Pure: no file, no
// libarchive. After it has thrown Refused it is of no more use.
class Census {
 public:
  explicit Census(const Limits& limits);

  Accepted admit(const Entry& entry);
  // All entries were admitted: there must have been one.
  void finish() const;

  const std::string& top() const noexcept { return top_; }
  std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  struct Known {
    std::string path;  // as first spelled
    bool directory;
    bool listed;  // by an entry of its own, not only as a parent
  };

  void check_top(const std::string& top);
  void add_parents(const std::vector<std::string>& parts, Accepted& accepted);
  void add_listed(const std::string& path, bool directory, Accepted& accepted);
  std::string folded(std::string_view path) const;

  Limits limits_;
  std::uint32_t members_ = 0;
  std::uint64_t bytes_ = 0;
  std::string top_;
  std::map<std::string, Known> known_;  // by case-folded path
  std::shared_ptr<__locale_struct> unicode_;
};

// The names along a member's path; `./` at its start and `/` at a directory's end are taken off. Throws
// Refused for an absolute path, `..`, empty or `.` parts, control characters, what is not UTF-8, and what is
// too long.
std::vector<std::string> split_path(std::string_view path);

}  // namespace dync::untar
