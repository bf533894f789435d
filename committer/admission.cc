#include "committer/admission.h"

#include "committer/publish.h"
#include "proto/posix/error.h"

namespace dync::committer {
namespace {

using wire::Code;
using wire::Refusal;

Refusal being_uploaded(const std::string& name) {
  return {Code::conflict, name + " is being uploaded already; wait until that upload has ended"};
}

bool same_arguments(const ledger::Row& row, const ipc::Open& open) {
  const auto& options = open.options;
  const bool original = !options;
  return row.upload.filename == open.filename && row.upload.metadata == open.metadata &&
         row.session.routing_id == open.routing_id && original == !row.session.key &&
         (original || (options->key == row.session.key && options->size == row.upload.size_declared &&
                       options->mtime_ns == row.session.mtime_ns));
}

// One key is one upload: another size or time means that the file was changed meanwhile.
bool guards_fit(const ledger::Row& row, const wire::PostFileOptions& options) {
  return options.size == row.upload.size_declared && options.mtime_ns == row.session.mtime_ns;
}

Refusal changed(const std::string& name) {
  return {Code::conflict, name + " has changed since its upload began; send it as a new upload"};
}

Refusal ended(const ledger::Upload& upload) {
  return {static_cast<Code>(upload.error_code.value_or(static_cast<std::uint32_t>(Code::unknown))),
          upload.error.value_or("the upload has ended; send the file again")};
}

// Before the end nobody can tell what it is.
bool all_there(const Job& job) {
  return !job.opening && job.state() != ledger::State::receiving;
}

}  // namespace

wire::Refusal session_ended() {
  return {Code::unknown, "the session has ended; post the file again with its key to go on"};
}

wire::Receipt receipt_of(const ledger::Upload& upload) {
  return {.upload_id = upload.upload_id,
          .sha256 = upload.sha256.value(),
          .size = upload.bytes_received,
          .destination = upload.destination,
          .committed_at = upload.finished_at.value()};
}

Admission::Admission(const config::Config& config, const ledger::Reader& ledger, Jobs& jobs)
    : rules_(config),
      room_(config, jobs),
      tmp_dir_(config.storage.tmp_dir),
      most_per_user_(config.limits.max_uploads_per_user),
      ledger_(ledger),
      jobs_(jobs) {}

void Admission::use(const config::Config& config) {
  rules_ = rules::Rules(config);
  room_.use(config.limits);
  most_per_user_ = config.limits.max_uploads_per_user;
}

Answer Admission::judge(const ipc::Open& open) const {
  if (auto answer = known(open)) return std::move(*answer);
  auto judged = rules_.judge(open.user, open.filename, open.metadata);
  if (auto* refusal = std::get_if<Refusal>(&judged)) return std::move(*refusal);
  return place(open, std::move(std::get<rules::Destination>(judged)));
}

Answer Admission::place(const ipc::Open& open, rules::Destination destination) const {
  Job* job = open.options ? jobs_.by_key(open.user, open.options->key) : nullptr;
  if (auto refusal = conflict(destination, job)) return std::move(*refusal);
  if (auto refusal = choose_staging(destination)) return std::move(*refusal);
  if (job == nullptr || job->parked()) {
    if (auto refusal = too_many(open.user)) return std::move(*refusal);
    if (auto refusal = room_.lacks(open, destination.directory, job)) return std::move(*refusal);
  }
  if (job != nullptr) return Resumed{job, std::move(destination)};
  return Accepted{std::move(destination)};
}

std::optional<Refusal> Admission::too_many(const std::string& user) const {
  if (jobs_.count(user) < most_per_user_) return std::nullopt;
  return Refusal{Code::over_credit, "user " + user + " has " + std::to_string(most_per_user_) +
                                        " uploads under way, which is the most; wait until one has ended"};
}

Answer Admission::find(const ipc::Find& find) const {
  if (Job* job = jobs_.by_routing_id(find.user, find.routing_id)) return Later{job};
  const auto row = ledger_.by_routing_id(find.user, find.routing_id);
  if (!row) return Refusal{Code::unknown, "no upload is known on this connection; send the file again"};
  if (row->upload.state == ledger::State::committed) return receipt_of(row->upload);
  if (ledger::is_live(row->upload.state)) return session_ended();
  return ended(row->upload);
}

std::optional<Answer> Admission::known(const ipc::Open& open) const {
  if (!open.options) {
    Job* job = jobs_.by_routing_id(open.user, open.routing_id);
    if (job == nullptr) return std::nullopt;
    return live(*job, open);
  }
  if (Job* job = jobs_.by_key(open.user, open.options->key)) return live(*job, open);
  const auto row = ledger_.by_key(open.user, open.options->key);
  if (!row || row->upload.state != ledger::State::committed) return std::nullopt;
  if (!guards_fit(*row, *open.options)) return changed(open.filename);
  return receipt_of(row->upload);
}

// Nothing: the rules have to say whether it may go on.
std::optional<Answer> Admission::live(Job& job, const ipc::Open& open) const {
  if (open.options && !guards_fit(job.row, *open.options)) return changed(open.filename);
  if (all_there(job) && (open.options || job.row.upload.filename == open.filename)) return Later{&job};
  if (job.untouched() && same_arguments(job.row, open)) return Again{&job};
  if (open.options && (job.parked() || job.untouched())) return std::nullopt;
  return being_uploaded(open.filename);
}

// What the rules say of it counts only where storage.tmp_dir will not do.
std::optional<Refusal> Admission::choose_staging(rules::Destination& destination) const {
  try {
    destination.staging = config::dropbox_staging(tmp_dir_, destination.directory, destination.staging);
    return std::nullopt;
  } catch (const posix::Error& error) {
    return Refusal{Code::internal, std::string("the server has no way into the dropbox: ") + error.what() +
                                       "; tell its operator"};
  }
}

std::optional<Refusal> Admission::conflict(const rules::Destination& destination, const Job* own) const {
  const Path target = destination.directory / destination.clean_name;
  const Job* holder = jobs_.holder(target.string());
  if (holder != nullptr && holder != own) return being_uploaded(target.string());
  try {
    // An archive lands under the name of its top-level entry, which is known only when it is unpacked.
    return check_target(destination.directory, destination.clean_name);
  } catch (const posix::Error& error) {
    return Refusal{Code::internal, std::string("the server can't reach the dropbox: ") + error.what() +
                                       "; tell its operator"};
  }
}

}  // namespace dync::committer
