#pragma once

#include <string>
#include <vector>

#include "proto/posix/file.h"
#include "schema/ledger/records.h"

namespace dync::committer {

using posix::Path;

enum class Shape {
  file,  // ITEM/ITEM with its sidecars
  tree,  // what dync-untar made, with nothing of ours inside
};

struct Sidecar {
  std::string name;
  std::string content;
};

// Everything that the commit of one upload needs to know. A plain value: made anew from the ledger's row
// after a crash, it is the same.
struct Plan {
  ledger::Id upload;
  Path staging;  // TMP_DIR/ID
  Path dropbox;
  std::string item;  // CLEAN, or TOP
  Shape shape = Shape::file;
  std::vector<Sidecar> sidecars;  // of a file
};

// The plan for an upload that is verified.
Plan make_plan(const ledger::Upload& upload, const Path& tmp_dir, Shape shape);

}  // namespace dync::committer
