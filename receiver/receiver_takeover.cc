#include <utility>

#include "receiver/receiver.h"

// One upload and several connections: who asks last gets it. An upload that has to make room is parked or
// ended first, so the committer is told to wait for that.
namespace dync::receiver {
namespace {

wire::Refusal taken_over() {
  return {wire::Code::conflict, "the upload was taken over by another connection of the same user"};
}
wire::Refusal replaced() {
  return {wire::Code::conflict, "the upload was replaced by a new one of the same user"};
}
wire::Refusal changed() {
  return {wire::Code::conflict, "the file has changed since its upload began, send it as a new upload"};
}

}  // namespace

void Receiver::ask(Session& session, ipc::Open open) {
  const bool only_asks = open.options && open.options->check;
  if (!only_asks) {
    if (open.options && !make_room_for_key(session, open)) return;
    if (open.options) make_room_by_replacing(session, open);
    if (!open.options) make_room_of_original(open);
  }
  open.promised = book_.promised();
  committer_.ask(std::move(open));
}

// False if the session has its answer already.
bool Receiver::make_room_for_key(Session& session, ipc::Open& open) {
  for (const auto& [upload, leaving] : leaving_)
    if (leaving.user == open.user && leaving.key == open.options->key) open.after = upload;
  Session* other = registry_.of_key(open.user, open.options->key, &session);
  if (!other) return true;
  if (!other->same_file(*open.options)) {
    run(session, session.on_refused(changed()));
    return false;
  }
  const bool complete = other->state() == State::finishing;
  if (complete) run(session, session.take_place_of(*other));
  displace(*other, open, taken_over(), true);
  return !complete;
}

void Receiver::make_room_by_replacing(const Session& session, ipc::Open& open) {
  if (!open.options->replaces) return;
  Session* other = registry_.of_key(open.user, *open.options->replaces, &session);
  if (!other || other->state() == State::finishing) return;
  displace(*other, open, replaced(), false);
}

void Receiver::make_room_of_original(ipc::Open& open) {
  Session* other = registry_.of_original(open.user, open.filename);
  if (other && other->may_be_taken_over(now())) displace(*other, open, taken_over(), false);
}

// Until its Park or Abort is said, an upload's key must not open it once more.
void Receiver::leave(const Session& session, const Id& upload) {
  if (session.key()) leaving_[upload] = {session.user(), *session.key()};
}

void Receiver::displace(Session& other, ipc::Open& open, const wire::Refusal& why, bool park) {
  if (other.state() == State::receiving) open.after = other.upload();
  log().info("session.displaced",
             {{"user", other.user()}, {"name", other.filename()}, {"why", why.sentence}});
  run(other, other.give_way(why, park));
}

}  // namespace dync::receiver
