#include "committer/uploads.h"

#include "committer/crash_points.h"
#include "committer/detail.h"
#include "committer/staging.h"
#include "proto/posix/process.h"
#include "schema/ledger/events.h"

namespace dync::committer {
namespace {

namespace events = ledger::events;
using ledger::State;
using wire::Code;

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

Id new_id() {
  std::array<std::byte, Id::kBytes> random{};
  posix::random_bytes(random);
  return Id::uuid4(random);
}

Job job_of(const ipc::Open& message, const rules::Destination& destination) {
  Job job;
  const std::string target = (destination.directory / destination.clean_name).string();
  job.request = message.request;
  job.row.upload.upload_id = new_id();
  job.row.upload.origin = message.user;
  job.row.upload.filename = message.filename;
  job.row.upload.clean_name = destination.clean_name;
  job.row.upload.destination = target;
  job.row.upload.metadata = message.metadata;
  job.row.upload.untar = destination.untar;
  job.row.session.routing_id = message.routing_id;
  job.row.session.chunk_size = message.chunk_size;
  job.row.session.max_queue = message.max_queue;
  job.row.session.reserves = target;
  if (!message.options) return job;
  job.row.upload.size_declared = message.options->size;
  job.row.session.key = message.options->key;
  job.row.session.mtime_ns = message.options->mtime_ns;
  return job;
}

ipc::Restore restore_of(const Job& job, std::uint32_t untar_max_members) {
  const auto& [upload, session] = job.row;
  ipc::Restore restore;
  restore.upload = upload.upload_id;
  restore.session = {.request = 0,
                     .user = upload.origin,
                     .routing_id = session.routing_id,
                     .filename = upload.filename,
                     .metadata = upload.metadata,
                     .options = {},
                     .chunk_size = session.chunk_size,
                     .max_queue = session.max_queue};
  if (session.key)
    restore.session.options = wire::PostFileOptions{.key = *session.key,
                                                    .size = upload.size_declared,
                                                    .mtime_ns = session.mtime_ns,
                                                    .check = false,
                                                    .replaces = {}};
  restore.epoch = session.epoch;
  restore.seek = upload.state == State::received ? upload.bytes_received : 0;
  if (upload.state == State::received) restore.client_sha256 = session.client_sha256;
  restore.untar_max_members = untar_max_members;
  return restore;
}

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
  std::visit(Overloaded{[this](const ipc::Hello&) { hello(); },
                        [this](const ipc::Open& open_message) { open(open_message); },
                        [this](const ipc::Find& find_message) { find(find_message); },
                        [this](const ipc::AllReceived& all) { received(all); },
                        [this](const ipc::Abort& abort_message) { abort(abort_message); },
                        [this](const ipc::Progress& mark) { progress(mark); },
                        [this](const ipc::Event& told) { event(kReceiver, told); },
                        [this, &message](const auto&) { misplaced(kReceiver, message); }},
             message);
}

void Uploads::from_hasher(const ipc::Message& message) {
  std::visit(Overloaded{[this](const ipc::Verdict& verdict) { last_word(verdict); },
                        [this](const ipc::Unreadable& unreadable) { last_word(unreadable); },
                        [this](const ipc::Event& told) { event("hasher", told); },
                        [this, &message](const auto&) { misplaced("hasher", message); }},
             message);
}

void Uploads::misplaced(const std::string& peer, const ipc::Message& message) const {
  context_.log.error("ipc.misplaced_message", {{"peer", peer}, {"type", message.index()}});
}

// A new receiver does not know what the last one asked: no answer goes out before it has heard of every live
// upload.
void Uploads::hello() {
  greeting_ = true;
  for (Job* job : context_.jobs.all()) job->waiters.clear();
  restore_all();
}

void Uploads::restore_all() {
  if (!greeting_ || context_.jobs.opening() > 0) return;
  greeting_ = false;
  for (const Job* job : context_.jobs.all())
    if (job->state() == State::receiving || job->state() == State::received)
      context_.outbox.to_receiver(restore_of(*job, context_.config.untar.max_members));
  context_.outbox.to_receiver(ipc::Restored{});
}

void Uploads::open(const ipc::Open& message) {
  const bool check = message.options && message.options->check;
  std::visit(Overloaded{[&](const Accepted& accepted) {
                          if (check)
                            context_.outbox.to_receiver(
                                ipc::Opened{.request = message.request,
                                            .upload = {},
                                            .epoch = 0,
                                            .seek = 0,
                                            .untar_max_members = context_.config.untar.max_members});
                          else
                            begin(message, accepted.destination);
                        },
                        [&](const Again& again) {
                          again.job->request = message.request;
                          if (!again.job->opening) say_opened(*again.job);
                        },
                        [&](const Later& later) { later.job->waiters.push_back(message.request); },
                        [&](const wire::Receipt& receipt) {
                          context_.outbox.to_receiver(ipc::Finished{message.request, receipt});
                        },
                        [&](const wire::Refusal& refusal) {
                          if (check)
                            context_.outbox.to_receiver(ipc::Refused{message.request, refusal});
                          else
                            refuse(message, refusal);
                        }},
             admission_.judge(message));
}

void Uploads::begin(const ipc::Open& message, const rules::Destination& destination) {
  const Id id = context_.jobs.add(job_of(message, destination)).id();
  context_.outbox.then([this, id] {
    context_.quick.run(
        [tmp_dir = context_.tmp_dir(), stamp = names::Stamp{context_.ledger_id, id}] {
          make_staging(tmp_dir, stamp);
          return true;
        },
        [this, id](const Outcome<bool>& outcome) { staged(id, outcome); });
  });
}

void Uploads::staged(const Id& id, const Outcome<bool>& outcome) {
  Job& job = *context_.jobs.find(id);
  if (const auto* failure = std::get_if<Failure>(&outcome)) {
    const Code code = failure->kind == posix::Kind::no_space ? Code::no_space : Code::internal;
    ipc::Open message;
    message.request = job.request;
    message.user = job.row.upload.origin;
    message.filename = job.row.upload.filename;
    context_.log.error("upload.not_staged", {{"upload", id.hex()}, {"error", failure->sentence}});
    refuse(message,
           {code, "the server has no place for the upload: " + failure->sentence + "; tell its operator"});
    context_.remove_staging(id);
    context_.jobs.remove(id);
    return restore_all();
  }
  job.opening = false;
  context_.ledger.add(job.row.upload, job.row.session);
  context_.event(id, events::kOpened,
                 detail({{"original", !job.row.session.key},
                         {"chunk_size", std::uint64_t{job.row.session.chunk_size}},
                         {"max_queue", std::uint64_t{job.row.session.max_queue}}}));
  context_.log.info("upload.opened", {{"upload", id.hex()},
                                      {"user", job.row.upload.origin},
                                      {"name", job.row.upload.filename},
                                      {"destination", job.row.upload.destination}});
  context_.crash_after_commit(crash::kOpened);
  if (!greeting_) say_opened(job);
  restore_all();
}

void Uploads::say_opened(const Job& job) {
  context_.outbox.to_receiver(ipc::Opened{.request = job.request,
                                          .upload = job.id(),
                                          .epoch = job.row.session.epoch,
                                          .seek = 0,
                                          .untar_max_members = context_.config.untar.max_members});
}

void Uploads::refuse(const ipc::Open& message, const wire::Refusal& refusal) {
  const auto code = static_cast<std::uint32_t>(refusal.code);
  context_.ledger.add_event(std::nullopt, "committer", events::kRefused,
                            detail({{"user", message.user},
                                    {"name", message.filename},
                                    {"code", std::uint64_t{code}},
                                    {"error", refusal.sentence}}));
  context_.log.info(
      "upload.refused",
      {{"user", message.user}, {"name", message.filename}, {"code", code}, {"error", refusal.sentence}});
  if (!greeting_) context_.outbox.to_receiver(ipc::Refused{message.request, refusal});
}

void Uploads::find(const ipc::Find& message) {
  Answer answer = admission_.find(message);
  if (const auto* later = std::get_if<Later>(&answer))
    later->job->waiters.push_back(message.request);
  else if (const auto* receipt = std::get_if<wire::Receipt>(&answer))
    context_.outbox.to_receiver(ipc::Finished{message.request, *receipt});
  else if (const auto* refusal = std::get_if<wire::Refusal>(&answer))
    context_.outbox.to_receiver(ipc::Refused{message.request, *refusal});
}

void Uploads::received(const ipc::AllReceived& message) {
  Job* job = context_.jobs.find(message.upload);
  if (job == nullptr) return repeat_end(message.upload);
  auto& [upload, session] = job->row;
  if (upload.state == State::received && upload.bytes_received == message.size) {
    session.epoch = message.epoch;
    context_.ledger.set_epoch(job->id(), message.epoch);
    return conclude(*job);
  }
  if (upload.state == State::received)
    context_.log.error("upload.sizes_differ", {{"upload", upload.upload_id.hex()}, {"size", message.size}});
  if (upload.state != State::receiving || job->opening) return;
  upload.state = State::received;
  upload.bytes_received = message.size;
  session.epoch = message.epoch;
  session.client_sha256 = message.client_sha256;
  context_.ledger.set_received(job->id(), message.size, message.epoch, message.client_sha256);
  context_.event(job->id(), events::kReceived, detail_of(message));
  context_.crash_after_commit(crash::kReceived);
  if (upload.size_declared.value_or(message.size) != message.size)
    return context_.fail(
        *job,
        {Code::refused, "the upload has " + std::to_string(message.size) + " bytes, but " +
                            std::to_string(*upload.size_declared) + " were announced; send the file again"},
        false);
  conclude(*job);
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

void Uploads::abort(const ipc::Abort& message) {
  Job* job = context_.jobs.find(message.upload);
  if (job == nullptr || job->opening) return;
  if (job->state() != State::receiving && job->state() != State::received)
    return context_.log.warning("upload.late_abort", {{"upload", message.upload.hex()}});
  const bool ours = message.code == Code::internal || message.code == Code::no_space;
  context_.end(*job, ours ? State::failed : State::aborted, {message.code, message.sentence}, false);
}

void Uploads::progress(const ipc::Progress& message) {
  Job* job = context_.jobs.find(message.upload);
  if (job == nullptr || job->opening || job->state() != State::receiving) return;
  job->row.upload.bytes_received = message.bytes;
  context_.ledger.set_progress(message.upload, message.bytes);
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
  if (job.state() != State::received) return;
  if (const auto* unreadable = std::get_if<ipc::Unreadable>(&job.verdict)) {
    if (unreadable->epoch < job.row.session.epoch) return;
    return context_.fail(job,
                         {Code::internal, "the server can't read what it has stored: " +
                                              unreadable->sentence + "; send it again"},
                         false);
  }
  const auto* verdict = std::get_if<ipc::Verdict>(&job.verdict);
  if (verdict == nullptr || verdict->epoch < job.row.session.epoch) return;
  if (verdict->size == job.row.upload.bytes_received) conclude(job, *verdict);
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
