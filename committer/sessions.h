#pragma once

#include "committer/admission.h"
#include "committer/checkpoints.h"
#include "committer/context.h"
#include "committer/parking.h"
#include "committer/waiting_opens.h"

namespace dync::committer {

// What the receiver says of its sessions: uploads are opened, parked, resumed and given up. From AllReceived
// on Uploads leads. Called within a batch only.
class Sessions {
 public:
  Sessions(const Context& context, Admission& admission, Parking& parking, Checkpoints& checkpoints)
      : context_(context), admission_(admission), parking_(parking), checkpoints_(checkpoints) {}

  void hello();
  void open(ipc::Open message);
  void find(const ipc::Find& message);
  void park(const ipc::Park& message);
  void abort(const ipc::Abort& message);
  void progress(const ipc::Progress& message);
  void make_room(const ipc::MakeRoom& message);

  // This upload is parked, received, or has ended: judges the post-files that waited for that.
  void settled(const Id& id);

 private:
  void restore_all();
  void answer_check(const ipc::Open& message);
  bool say_end(std::uint64_t request, const Answer& answer);
  bool supersede(ipc::Open& message);
  std::optional<Id> ending(const ipc::Open& message);
  bool must_wait(const ipc::Open& message);
  void end_replaced(const ipc::Open& message);
  void judge(const ipc::Open& message);
  void begin(const ipc::Open& message, const rules::Destination& destination);
  void staged(const Id& id, const Outcome<bool>& outcome);
  void not_staged(const Id& id, const Failure& failure);
  bool serve(Job& job, std::uint64_t request);
  void again(Job& job, const ipc::Open& message);
  void resume(const Resumed& resumed, const ipc::Open& message);
  void say_opened(const Job& job);
  void say_taken_over(std::uint64_t request);
  void refuse(const ipc::Open& message, const wire::Refusal& refusal);

  const Context& context_;
  Admission& admission_;
  Parking& parking_;
  Checkpoints& checkpoints_;
  WaitingOpens waiting_;
  bool greeting_ = false;  // a Hello waits for uploads that are being opened
};

}  // namespace dync::committer
