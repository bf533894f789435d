#include "committer/session_rows.h"

namespace dync::committer {

Job job_of(const Id& id, const ipc::Open& open, const rules::Destination& destination) {
  Job job;
  job.request = open.request;
  job.row.upload.upload_id = id;
  job.row.upload.origin = open.user;
  post(job.row, open, destination);
  if (!open.options) return job;
  job.row.upload.size_declared = open.options->size;
  job.row.session.key = open.options->key;
  job.row.session.mtime_ns = open.options->mtime_ns;
  return job;
}

void post(ledger::Row& row, const ipc::Open& open, const rules::Destination& destination) {
  auto& [upload, session] = row;
  upload.filename = open.filename;
  upload.clean_name = destination.clean_name;
  upload.destination = (destination.directory / destination.clean_name).string();
  upload.metadata = open.metadata;
  upload.untar = destination.untar;
  session.routing_id = open.routing_id;
  session.chunk_size = open.chunk_size;
  session.max_queue = open.max_queue;
  session.reserves = upload.destination;
  session.parked_seconds.reset();
  session.mode = destination.access.mode;
  session.group_id = destination.access.group;
  session.dropbox_staging.reset();
  if (destination.staging) session.dropbox_staging = destination.staging->native();
}

ipc::Restore restore_of(const Job& job, std::uint32_t untar_max_members) {
  const auto& [upload, session] = job.row;
  const bool received = upload.state == ledger::State::received;
  ipc::Restore restore;
  restore.upload = upload.upload_id;
  restore.session = {.request = 0,
                     .user = upload.origin,
                     .routing_id = session.routing_id,
                     .filename = upload.filename,
                     .metadata = upload.metadata,
                     .options = {},
                     .chunk_size = session.chunk_size,
                     .max_queue = session.max_queue,
                     .after = {}};
  if (session.key)
    restore.session.options = wire::PostFileOptions{.key = *session.key,
                                                    .size = upload.size_declared,
                                                    .mtime_ns = session.mtime_ns,
                                                    .check = false,
                                                    .replaces = {}};
  restore.epoch = job.last_epoch();
  restore.seek = received ? upload.bytes_received : session.durable_bytes;
  if (received) restore.client_sha256 = session.client_sha256;
  restore.untar_max_members = untar_max_members;
  restore.checkpoint = job.hashed_before();
  return restore;
}

}  // namespace dync::committer
