#pragma once

#include "committer/context.h"
#include "committer/publication.h"
#include "committer/tree.h"
#include "committer/untar_client.h"

namespace dync::committer {

// Leads a verified archive from `verified` to what is published: dync-untar unpacks it, its tree is checked,
// and TOP is reserved. A file that is no archive is published as it is. Called within a batch only.
class Extraction {
 public:
  Extraction(const Context& context, UntarClient& untar, Publication& publication)
      : context_(context), untar_(untar), publication_(publication) {}

  // From `verified`, or again from `extracting`.
  void start(Job& job);

 private:
  struct Ready {
    Readiness readiness = Readiness::ready;
    std::shared_ptr<UntarFiles> files;
  };
  struct Checked {
    std::variant<Tree, wire::Refusal> tree;
  };

  void open(const Id& id);
  void opened(const Id& id, const Outcome<Ready>& outcome);
  void not_ready(Job& job, Readiness readiness);
  void run(const Id& id, const std::shared_ptr<UntarFiles>& files);
  void ended(const Id& id, const Untarred& result);
  void not_done(Job& job, const Failure& failure);
  void wait(Job& job, const std::string& why);
  void check(const Job& job);
  void checked(const Id& id, const Outcome<Checked>& outcome);
  void accept(Job& job, const Tree& tree);
  void not_a_tar(Job& job);

  const Context& context_;
  UntarClient& untar_;
  Publication& publication_;
};

}  // namespace dync::committer
