#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <unistd.h>
#include <vector>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "proto/posix/naming.h"

namespace dync::posix {
namespace {

struct CloseDirectory {
  void operator()(DIR* stream) const noexcept { ::closedir(stream); }
};

std::vector<std::string> names_in(int directory) {
  // A descriptor of its own: a duplicate would share the reading position.
  Fd own(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) fail("open", path_of(directory));
  const std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(own.get()));
  if (!stream) fail("read the directory", path_of(directory));
  own.release();
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (!entry && errno != 0) fail("read the directory", path_of(directory));
    if (!entry) return names;
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
}

// False if it is a directory.
bool remove_plain(int directory, const std::string& name) {
  if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return true;
  const int why = errno;
  const auto entry = find_at(directory, name);
  if (entry && entry->type == FileType::directory) return false;
  throw Error(why, "remove", path_of(directory, name));
}

void remove_empty(int directory, const std::string& name) {
  if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    fail("remove the directory", path_of(directory, name));
}

void move_up(int from, const std::string& name, int top, unsigned& counter) {
  for (;;) {
    const std::string fresh = "removed-" + std::to_string(counter++);
    if (find_at(top, fresh)) continue;
    if (::renameat(from, name.c_str(), top, fresh.c_str()) != 0) fail("remove", path_of(from, name));
    return;
  }
}

}  // namespace

void each_entry(const Path& directory, const std::function<void(const std::string&)>& visit) {
  each_entry(open_directory(directory).get(), visit);
}

void each_entry(int directory, const std::function<void(const std::string&)>& visit) {
  for (const auto& name : names_in(directory)) visit(name);
}

// Deeper directories are first moved up beside the others, so that any depth needs only two descriptors.
void remove_tree_at(int directory, const std::string& name) {
  require_plain(name);
  if (remove_plain(directory, name)) return;
  const Fd top = open_directory_at(directory, name);
  unsigned counter = 0;
  for (auto names = names_in(top.get()); !names.empty(); names = names_in(top.get())) {
    for (const auto& child : names) {
      if (remove_plain(top.get(), child)) continue;
      const Fd inner = open_directory_at(top.get(), child);
      for (const auto& below : names_in(inner.get()))
        if (!remove_plain(inner.get(), below)) move_up(inner.get(), below, top.get(), counter);
      remove_empty(top.get(), child);
    }
  }
  remove_empty(directory, name);
}

void remove_empty_directory_at(int directory, const std::string& name) {
  require_plain(name);
  if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) == 0) return;
  const Kind kind = kind_of(errno);
  if (kind != Kind::not_found && kind != Kind::exists) fail("remove the directory", path_of(directory, name));
}

}  // namespace dync::posix
