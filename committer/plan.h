#pragma once

#include <string>
#include <vector>

#include "proto/posix/file.h"
#include "schema/ledger/records.h"
#include "schema/rules/rules.h"

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
  Path staging;                        // TMP_DIR/ID
  std::optional<Path> elsewhere = {};  // DROPBOX_STAGING/ID: where out/ lies, if it can't lie in `staging`
  Path dropbox;
  std::string item;  // CLEAN, or TOP
  Shape shape = Shape::file;
  std::vector<Sidecar> sidecars;  // of a file
  rules::Access access = {};      // of the item and its marker
  bool announced = false;         // the item is durable in the dropbox, the marker was renamed and not synced
  // What a copy has to be: the file's size and digest, or the members of the tree.
  std::uint64_t bytes = 0;
  digest::Digest sha256{};
  std::vector<ledger::Member> members = {};

  Path out() const;             // the directory out/
  std::uint64_t total() const;  // bytes of all that is published
};

// As the dropbox had it when the upload was accepted.
rules::Access access_of(const ledger::Session& session);

// The plan for an upload that is verified. `members` of a tree.
Plan make_plan(const ledger::Row& row, const Path& tmp_dir, Shape shape,
               std::vector<ledger::Member> members = {});

}  // namespace dync::committer
