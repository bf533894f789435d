#pragma once

#include "committer/checkpoints.h"
#include "committer/context.h"
#include "committer/extraction.h"
#include "committer/publication.h"
#include "committer/sessions.h"

namespace dync::committer {

// What receiver and hashers say about uploads, up to `verified`; from there Extraction and Publication lead.
// Called within a batch only.
class Uploads {
 public:
  Uploads(const Context& context, Sessions& sessions, Checkpoints& checkpoints, Extraction& extraction,
          Publication& publication)
      : context_(context),
        sessions_(sessions),
        checkpoints_(checkpoints),
        extraction_(extraction),
        publication_(publication) {}

  // `peer` is the sender's routing id. What a peer has no business to say is logged and dropped.
  void take(const std::string& peer, const ipc::Message& message);
  // A live row that the ledger told at the start.
  void recover(ledger::Row row);

 private:
  void from_receiver(const ipc::Message& message);
  void from_hasher(const ipc::Message& message);
  void misplaced(const std::string& peer, const ipc::Message& message) const;

  void received(const ipc::AllReceived& message);
  void complete(Job& job, const ipc::AllReceived& message);
  void repeat_end(const Id& id);
  void event(const std::string& process, const ipc::Event& message) const;
  template <typename Word>
  void last_word(const Word& word);
  void conclude(Job& job);
  void conclude(Job& job, const ipc::Unreadable& unreadable);
  void conclude(Job& job, const ipc::Verdict& verdict);
  void verified(Job& job, const ipc::Verdict& verdict);
  void advance(Job& job);

  const Context& context_;
  Sessions& sessions_;
  Checkpoints& checkpoints_;
  Extraction& extraction_;
  Publication& publication_;
};

}  // namespace dync::committer
