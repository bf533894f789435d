#pragma once

#include "committer/admission.h"
#include "committer/context.h"
#include "committer/extraction.h"
#include "committer/publication.h"

namespace dync::committer {

// What receiver and hashers say about uploads, up to `verified`; from there Extraction and Publication lead.
// Called within a batch only.
class Uploads {
 public:
  Uploads(const Context& context, Admission& admission, Extraction& extraction, Publication& publication)
      : context_(context), admission_(admission), extraction_(extraction), publication_(publication) {}

  // `peer` is the sender's routing id. What a peer has no business to say is logged and dropped.
  void take(const std::string& peer, const ipc::Message& message);
  // A live row that the ledger told at the start.
  void recover(ledger::Row row);

 private:
  void from_receiver(const ipc::Message& message);
  void from_hasher(const ipc::Message& message);
  void misplaced(const std::string& peer, const ipc::Message& message) const;

  void hello();
  void restore_all();
  void open(const ipc::Open& message);
  void begin(const ipc::Open& message, const rules::Destination& destination);
  void staged(const Id& id, const Outcome<bool>& outcome);
  void say_opened(const Job& job);
  void refuse(const ipc::Open& message, const wire::Refusal& refusal);
  void find(const ipc::Find& message);
  void received(const ipc::AllReceived& message);
  void repeat_end(const Id& id);
  void abort(const ipc::Abort& message);
  void progress(const ipc::Progress& message);
  void event(const std::string& process, const ipc::Event& message) const;
  template <typename Word>
  void last_word(const Word& word);
  void conclude(Job& job);
  void conclude(Job& job, const ipc::Verdict& verdict);
  void verified(Job& job, const ipc::Verdict& verdict);
  void advance(Job& job);

  const Context& context_;
  Admission& admission_;
  Extraction& extraction_;
  Publication& publication_;
  bool greeting_ = false;  // a Hello waits for uploads that are being opened
};

}  // namespace dync::committer
