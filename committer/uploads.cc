#include "committer/uploads.h"

#include "committer/crash_points.h"
#include "committer/detail.h"
#include "committer/overloaded.h"
#include "schema/ledger/events.h"

namespace dync::committer {
namespace {

namespace events = ledger::events;
using ledger::State;
using wire::Code;

std::string detail_of(const ipc::AllReceived& message) {
  return detail({{"size", message.size},
                 {"epoch", std::uint64_t{message.epoch}},
                 {"direct", message.counters.direct},
                 {"buffered", message.counters.buffered},
                 {"unhashed_at_last", message.counters.unhashed_at_last}});
}

}  // namespace

void Uploads::take(const std::string& peer, const ipc::Message& message) {
  if (peer == kReceiver) return from_receiver(message);
  if (peer.starts_with("hasher-")) return from_hasher(message);
  misplaced(peer, message);
}

void Uploads::from_receiver(const ipc::Message& message) {
  std::visit(Overloaded{[this](const ipc::Hello&) { sessions_.hello(); },
                        [this](const ipc::Open& open) { sessions_.open(open); },
                        [this](const ipc::Find& find) { sessions_.find(find); },
                        [this](const ipc::AllReceived& all) { received(all); },
                        [this](const ipc::Park& park) { sessions_.park(park); },
                        [this](const ipc::Abort& abort) { sessions_.abort(abort); },
                        [this](const ipc::Progress& mark) { sessions_.progress(mark); },
                        [this](const ipc::Synced& synced) { checkpoints_.synced(synced); },
                        [this](const ipc::MakeRoom& wanted) { sessions_.make_room(wanted); },
                        [this](const ipc::Event& told) { event(kReceiver, told); },
                        [this, &message](const auto&) { misplaced(kReceiver, message); }},
             message);
}

void Uploads::from_hasher(const ipc::Message& message) {
  std::visit(Overloaded{[this](const ipc::Checkpoint& checkpoint) { checkpoints_.hashed(checkpoint); },
                        [this](const ipc::Verdict& verdict) { last_word(verdict); },
                        [this](const ipc::Unreadable& unreadable) { last_word(unreadable); },
                        [this](const ipc::Event& told) { event("hasher", told); },
                        [this, &message](const auto&) { misplaced("hasher", message); }},
             message);
}

void Uploads::misplaced(const std::string& peer, const ipc::Message& message) const {
  context_.log.error("ipc.misplaced_message", {{"peer", peer}, {"type", message.index()}});
}

void Uploads::received(const ipc::AllReceived& message) {
  Job* job = context_.jobs.find(message.upload);
  if (job == nullptr) return repeat_end(message.upload);
  if (job->parked()) {
    context_.log.error("upload.received_while_parked", {{"upload", message.upload.hex()}});
    return context_.outbox.to_receiver(ipc::Failed{message.upload, session_ended()});
  }
  auto& [upload, session] = job->row;
  if (upload.state == State::received && upload.bytes_received == message.size) {
    session.epoch = message.epoch;
    context_.ledger.set_epoch(job->id(), message.epoch);
    return conclude(*job);
  }
  if (upload.state == State::received)
    context_.log.error("upload.sizes_differ", {{"upload", upload.upload_id.hex()}, {"size", message.size}});
  if (upload.state != State::receiving || job->opening) return;
  complete(*job, message);
  sessions_.settled(message.upload);
}

void Uploads::complete(Job& job, const ipc::AllReceived& message) {
  checkpoints_.all_synced(job, message.epoch, message.size);
  auto& [upload, session] = job.row;
  upload.state = State::received;
  upload.bytes_received = message.size;
  session.epoch = message.epoch;
  session.client_sha256 = message.client_sha256;
  context_.ledger.set_received(job.id(), message.size, message.epoch, message.client_sha256);
  context_.event(job.id(), events::kReceived, detail_of(message));
  context_.crash_after_commit(crash::kReceived);
  if (upload.size_declared.value_or(message.size) != message.size)
    return context_.fail(
        job,
        {Code::refused, "the upload has " + std::to_string(message.size) + " bytes, but " +
                            std::to_string(*upload.size_declared) + " were announced; send the file again"},
        false);
  conclude(job);
}

// A receiver says it again to a new committer: the upload has ended already.
void Uploads::repeat_end(const Id& id) {
  const auto upload = context_.ledger.read().upload(id);
  if (!upload)
    context_.outbox.to_receiver(
        ipc::Failed{id, {Code::unknown, "no such upload is known; send the file again"}});
  else if (upload->state == State::committed)
    context_.outbox.to_receiver(ipc::Committed{id, receipt_of(*upload)});
  else
    context_.outbox.to_receiver(ipc::Failed{id,
                                            {static_cast<Code>(upload->error_code.value_or(500)),
                                             upload->error.value_or("the upload has ended")}});
}

void Uploads::event(const std::string& process, const ipc::Event& message) const {
  context_.ledger.add_event(message.upload, process, message.event, checked_detail(message.detail));
}

// An older epoch's word is about bytes that may have been cut since.
template <typename Word>
void Uploads::last_word(const Word& word) {
  Job* job = context_.jobs.find(word.upload);
  if (job == nullptr || job->opening) return;
  const auto* verdict = std::get_if<ipc::Verdict>(&job->verdict);
  const auto* unreadable = std::get_if<ipc::Unreadable>(&job->verdict);
  if ((verdict != nullptr && verdict->epoch > word.epoch) ||
      (unreadable != nullptr && unreadable->epoch > word.epoch))
    return;
  job->verdict = word;
  conclude(*job);
}

// With both in hand, in whichever order they came. A higher epoch than AllReceived's is a new receiver's,
// which began one for bytes that were complete already.
void Uploads::conclude(Job& job) {
  if (const auto* unreadable = std::get_if<ipc::Unreadable>(&job.verdict)) return conclude(job, *unreadable);
  if (job.state() != State::received) return;
  const auto* verdict = std::get_if<ipc::Verdict>(&job.verdict);
  if (verdict == nullptr || verdict->epoch < job.row.session.epoch) return;
  if (verdict->size == job.row.upload.bytes_received) conclude(job, *verdict);
}

// Nothing is hashed after it, so its client hears of it at once, not at its last chunk.
void Uploads::conclude(Job& job, const ipc::Unreadable& unreadable) {
  const Id id = job.id();
  const bool counts = job.state() == State::received ? unreadable.epoch >= job.row.session.epoch
                                                     : job.attached() && unreadable.epoch >= job.last_epoch();
  if (!counts) return;
  context_.fail(job,
                {Code::internal,
                 "the server can't read what it has stored: " + unreadable.sentence + "; send it again"},
                false);
  sessions_.settled(id);
}

void Uploads::conclude(Job& job, const ipc::Verdict& verdict) {
  const digest::Digest expected = job.row.session.client_sha256.value();
  const bool equal = verdict.sha256 == expected;
  if (equal != verdict.matches)
    return context_.fail(job, {Code::internal, "the server's hasher contradicts itself; tell its operator"},
                         false);
  if (!equal)
    return context_.fail(
        job,
        {Code::refused, "the SHA-256 of what arrived is " + digest::to_hex(verdict.sha256) +
                            ", of what was sent " + digest::to_hex(expected) + "; send the file again"},
        false);
  verified(job, verdict);
}

void Uploads::verified(Job& job, const ipc::Verdict& verdict) {
  job.row.upload.state = State::verified;
  job.row.upload.sha256 = verdict.sha256;
  context_.ledger.set_verified(job.id(), verdict.sha256);
  context_.event(job.id(), events::kVerified,
                 detail({{"sha256", digest::to_hex(verdict.sha256)},
                         {"from_slots", verdict.from_slots},
                         {"from_file", verdict.from_file}}));
  context_.crash_after_commit(crash::kVerified);
  advance(job);
}

void Uploads::advance(Job& job) {
  if (job.row.upload.untar)
    extraction_.start(job);
  else
    publication_.start(job, Shape::file);
}

void Uploads::recover(ledger::Row row) {
  Job fresh;
  fresh.opening = false;
  fresh.row = std::move(row);
  fresh.checkpoint = context_.ledger.read().checkpoint(fresh.id());
  fresh.waits_since -= std::chrono::seconds(fresh.row.session.parked_seconds.value_or(0));
  Job& job = context_.jobs.add(std::move(fresh));
  if (job.state() == State::receiving || job.state() == State::received) return;
  context_.event(job.id(), events::kReplayed, detail({{"state", std::string(text_of(job.state()))}}));
  if (job.row.session.held)
    return context_.log.error("upload.held",
                              {{"upload", job.id().hex()}, {"error", "it waits for the operator"}});
  if (job.state() == State::committing)
    publication_.go_on(job);
  else
    advance(job);
}

}  // namespace dync::committer
