#include "untar/extract.h"

#include <exception>
#include <utility>

#include "proto/posix/crash_point.h"
#include "proto/posix/file.h"
#include "schema/limits/untar_exit.h"
#include "schema/names/text.h"
#include "untar/archive.h"
#include "untar/crash_points.h"
#include "untar/refused.h"
#include "untar/source.h"
#include "untar/tree.h"

namespace dync::untar {
namespace {

namespace untar_exit = limits::untar_exit;

void copy_file(Archive& archive, const Entry& entry, Tree::File file) {
  for (auto piece = archive.data(); !piece.empty(); piece = archive.data()) {
    if (file.bytes() + piece.size() > *entry.size) {
      throw Refused("the member " + names::quote(entry.path) +
                    " is larger than it says; make the archive again");
    }
    file.write(piece);
  }
  if (file.bytes() != *entry.size) {
    throw Refused("the member " + names::quote(entry.path) +
                  " is shorter than it says; make the archive again");
  }
  file.finish(archive.mtime());
}

void fill(int archive_fd, Tree& tree, const Limits& limits) {
  Source source(archive_fd, limits.max_ratio);
  Archive archive(source);
  Census census(limits);
  while (archive.next()) {
    const Entry entry = archive.entry();
    const Accepted accepted = census.admit(entry);
    for (const std::string& path : accepted.directories) tree.make_directory(path);
    if (!accepted.file) continue;
    Tree::File file = tree.make_file(*accepted.file);
    posix::crash_point(crash::kMember);
    copy_file(archive, entry, std::move(file));
  }
  census.finish();
  posix::crash_point(crash::kExtracted);
  tree.sync();
  posix::crash_point(crash::kSynced);
}

void require_empty(int directory) {
  posix::each_entry(directory, [](const std::string& name) {
    throw std::runtime_error("the directory to fill is not empty: it holds " + names::quote(name));
  });
}

}  // namespace

Outcome extract(int archive, int directory, const Limits& limits) {
  if (!is_tar(archive)) return {untar_exit::kNotATar, "this is no tar"};
  require_empty(directory);
  Tree tree(directory);
  try {
    fill(archive, tree, limits);
    return {untar_exit::kExtracted, ""};
  } catch (const Refused& refused) {
    tree.clear();
    return {untar_exit::kRefused, refused.what()};
  } catch (...) {
    tree.clear();
    throw;
  }
}

}  // namespace dync::untar
