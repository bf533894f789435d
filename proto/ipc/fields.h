#pragma once

#include <concepts>
#include <type_traits>

#include "proto/ipc/codec.h"
#include "proto/ipc/messages.h"

// Inside proto/ipc only: the fields of each message in the order of its bytes. Each list names every member
// by a structured binding, so a member that is added and forgotten here does not compile.
namespace dync::ipc {

template <class T, class Of>
concept Like = std::same_as<std::remove_const_t<T>, Of>;

template <class T>
requires std::is_empty_v<T>
void fields(auto& /*codec*/, T& /*nothing*/) {}

// ---- parts of messages ----

void fields(auto& codec, Like<wire::PostFileOptions> auto& part) {
  auto& [key, size, mtime_ns, check, replaces] = part;
  codec(key, size, mtime_ns, check, replaces);
}
void fields(auto& codec, Like<wire::Refusal> auto& part) {
  auto& [code, sentence] = part;
  codec(code, sentence);
}
void fields(auto& codec, Like<wire::Receipt> auto& part) {
  auto& [upload_id, sha256, size, destination, committed_at] = part;
  codec(upload_id, sha256, size, destination, committed_at);
}
void fields(auto& codec, Like<WriteCounters> auto& part) {
  auto& [direct, buffered, unhashed_at_last] = part;
  codec(direct, buffered, unhashed_at_last);
}

void fields(auto& codec, Like<digest::Midstate> auto& part) {
  auto& [length, words] = part;
  codec(length, words);
}

// ---- receiver to committer ----

void fields(auto& codec, Like<Open> auto& message) {
  auto& [request, user, routing_id, filename, metadata, options, chunk_size, max_queue, after, promised] =
      message;
  codec(request, user, routing_id, filename, metadata, options, chunk_size, max_queue, after, promised);
}
void fields(auto& codec, Like<Find> auto& message) {
  auto& [request, user, routing_id] = message;
  codec(request, user, routing_id);
}
void fields(auto& codec, Like<AllReceived> auto& message) {
  auto& [upload, epoch, size, client_sha256, counters] = message;
  codec(upload, epoch, size, client_sha256, counters);
}
void fields(auto& codec, Like<Abort> auto& message) {
  auto& [upload, code, sentence] = message;
  codec(upload, code, sentence);
}
void fields(auto& codec, Like<Park> auto& message) {
  auto& [upload, epoch, bytes, why] = message;
  codec(upload, epoch, bytes, why);
}
void fields(auto& codec, Like<Synced> auto& message) {
  auto& [upload, epoch, offset] = message;
  codec(upload, epoch, offset);
}
void fields(auto& codec, Like<Progress> auto& message) {
  auto& [upload, bytes] = message;
  codec(upload, bytes);
}
void fields(auto& codec, Like<MakeRoom> auto& message) {
  auto& [bytes] = message;
  codec(bytes);
}
void fields(auto& codec, Like<Event> auto& message) {
  auto& [upload, event, detail] = message;
  codec(upload, event, detail);
}

// ---- committer to receiver ----

void fields(auto& codec, Like<Opened> auto& message) {
  auto& [request, upload, epoch, seek, untar_max_members, checkpoint] = message;
  codec(request, upload, epoch, seek, untar_max_members, checkpoint);
}
void fields(auto& codec, Like<Refused> auto& message) {
  auto& [request, refusal] = message;
  codec(request, refusal);
}
void fields(auto& codec, Like<Finished> auto& message) {
  auto& [request, receipt] = message;
  codec(request, receipt);
}
void fields(auto& codec, Like<Restore> auto& message) {
  auto& [upload, session, epoch, seek, client_sha256, untar_max_members, checkpoint] = message;
  codec(upload, session, epoch, seek, client_sha256, untar_max_members, checkpoint);
}
void fields(auto& codec, Like<Checkpointed> auto& message) {
  auto& [upload, epoch, state] = message;
  codec(upload, epoch, state);
}
void fields(auto& codec, Like<Committed> auto& message) {
  auto& [upload, receipt] = message;
  codec(upload, receipt);
}
void fields(auto& codec, Like<Failed> auto& message) {
  auto& [upload, refusal] = message;
  codec(upload, refusal);
}

// ---- receiver to hasher ----

void fields(auto& codec, Like<Begin> auto& message) {
  auto& [upload, mark, epoch, checkpoint] = message;
  codec(upload, mark, epoch, checkpoint);
}
void fields(auto& codec, Like<Chunk> auto& message) {
  auto& [upload, epoch, offset, length, slot, generation] = message;
  codec(upload, epoch, offset, length, slot, generation);
}
void fields(auto& codec, Like<End> auto& message) {
  auto& [upload, epoch, size, expected] = message;
  codec(upload, epoch, size, expected);
}
void fields(auto& codec, Like<Plan> auto& message) {
  auto& [upload, epoch, offset] = message;
  codec(upload, epoch, offset);
}
void fields(auto& codec, Like<Drop> auto& message) {
  auto& [upload] = message;
  codec(upload);
}

// ---- hasher to committer ----

void fields(auto& codec, Like<Verdict> auto& message) {
  auto& [upload, epoch, size, sha256, matches, from_slots, from_file] = message;
  codec(upload, epoch, size, sha256, matches, from_slots, from_file);
}
void fields(auto& codec, Like<Unreadable> auto& message) {
  auto& [upload, epoch, sentence] = message;
  codec(upload, epoch, sentence);
}
void fields(auto& codec, Like<Checkpoint> auto& message) {
  auto& [upload, epoch, state] = message;
  codec(upload, epoch, state);
}

// ---- committer, supervisor, workers ----

void fields(auto& codec, Like<RunUntar> auto& message) {
  auto& [job, max_members, max_bytes, max_ratio] = message;
  codec(job, max_members, max_bytes, max_ratio);
}
void fields(auto& codec, Like<UntarEnded> auto& message) {
  auto& [job, code, signal] = message;
  codec(job, code, signal);
}
void fields(auto& codec, Like<Reload> auto& message) {
  auto& [debug] = message;
  codec(debug);
}
void fields(auto& codec, Like<LogLine> auto& message) {
  auto& [level, text] = message;
  codec(level, text);
}
void fields(auto& codec, Like<Ready> auto& message) {
  auto& [address] = message;
  codec(address);
}

}  // namespace dync::ipc
