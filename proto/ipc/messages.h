#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "proto/digest/sha256.h"
#include "proto/wire/id.h"
#include "proto/wire/messages.h"

// What the workers tell each other, each as one frame: the magic and version kProtocol, a type byte that
// never changes its meaning, then the fields in order, big-endian, texts with a u32 length. Pure.
// A message may get lost when a process dies; what each side says again then is told beside its type.
// DESIGN.md, "Flow", tells who sends what to whom.
namespace dync::ipc {

inline constexpr std::string_view kProtocol = "dync-ipc/1";

using wire::Id;

// ---- receiver to committer ----

// A receiver has started: it wants a Restore for each live upload, then Restored.
struct Hello {
  bool operator==(const Hello&) const = default;
};

// A client's post-file. Answered by Opened, Finished, or Refused with the same request number.
// Said again to a new committer while unanswered; (user, key) or (user, routing_id) makes that harmless.
struct Open {
  std::uint64_t request = 0;
  std::string user;
  std::string routing_id;
  std::string filename;
  std::string metadata;
  std::optional<wire::PostFileOptions> options;  // absent: an original
  std::uint32_t chunk_size = 0;                  // as the receiver will grant them
  std::uint32_t max_queue = 0;
  // The receiver ends or parks this upload to make room for the new one: to be judged only after its Park,
  // Abort or AllReceived has come.
  std::optional<Id> after = {};
  // Bytes that clients without an announced size may still send by the credit that they have.
  std::uint64_t promised = 0;

  bool operator==(const Open&) const = default;
};

// A message on a routing id without a session, after a restart: which upload was it? Answered by Finished or
// Refused (the upload's own error, or 404) with the same request number.
struct Find {
  std::uint64_t request = 0;
  std::string user;
  std::string routing_id;

  bool operator==(const Find&) const = default;
};

// How the bytes of an upload got to the disk, for its events.
struct WriteCounters {
  std::uint64_t direct = 0;            // bytes written with O_DIRECT
  std::uint64_t buffered = 0;          // bytes written through the page cache
  std::uint64_t unhashed_at_last = 0;  // bytes not yet hashed when the last chunk came

  bool operator==(const WriteCounters&) const = default;
};

// All bytes are written and synced on the descriptor that wrote them, and that is closed.
// Said again to a new committer until Committed or Failed.
struct AllReceived {
  Id upload;
  std::uint32_t epoch = 0;
  std::uint64_t size = 0;
  digest::Digest client_sha256{};
  WriteCounters counters;

  bool operator==(const AllReceived&) const = default;
};

// The upload ended without a data set: the client gave up, was too slow, or broke the protocol.
struct Abort {
  Id upload;
  wire::Code code{};
  std::string sentence;

  bool operator==(const Abort&) const = default;
};

// The session of a client of ours is over, its partial stays: these bytes are synced, the file is closed. The
// client's next Open with its key goes on there, in a higher epoch. Said again to a new committer: one whose
// epoch is not the upload's last is old and changes nothing.
struct Park {
  Id upload;
  std::uint32_t epoch = 0;
  std::uint64_t bytes = 0;
  std::string why;  // for the events

  bool operator==(const Park&) const = default;
};

// The first so many bytes, a planned offset, are written and synced on the descriptors that wrote them. Said
// again to a new committer until Checkpointed.
struct Synced {
  Id upload;
  std::uint32_t epoch = 0;
  std::uint64_t offset = 0;

  bool operator==(const Synced&) const = default;
};

// For the operator: the written mark so far, now and then.
struct Progress {
  Id upload;
  std::uint64_t bytes = 0;

  bool operator==(const Progress&) const = default;
};

// Uploads wait for room on the staging disk and none goes on: partials that wait for their clients are to
// expire, those that wait longest first, until so many bytes are free. Answered by NoPartial where there is
// none. Said again while that lasts.
struct MakeRoom {
  std::uint64_t bytes = 0;

  bool operator==(const MakeRoom&) const = default;
};

// One more row for the ledger's events. `detail` is a JSON object.
struct Event {
  std::optional<Id> upload;
  std::string event;
  std::string detail;

  bool operator==(const Event&) const = default;
};

// ---- committer to receiver ----

struct Opened {
  std::uint64_t request = 0;
  Id upload;
  std::uint32_t epoch = 0;  // the last one used; the receiver begins a higher one
  std::uint64_t seek = 0;   // bytes kept from before
  std::uint32_t untar_max_members = 0;
  std::optional<digest::Midstate> checkpoint = {};  // at or below seek

  bool operator==(const Opened&) const = default;
};

struct Refused {
  std::uint64_t request = 0;
  wire::Refusal refusal;

  bool operator==(const Refused&) const = default;
};

// The upload that was asked for is committed already.
struct Finished {
  std::uint64_t request = 0;
  wire::Receipt receipt;

  bool operator==(const Finished&) const = default;
};

// One live upload, for a new receiver.
struct Restore {
  Id upload;
  Open session;  // as it was opened; its request number means nothing
  std::uint32_t epoch = 0;
  std::uint64_t seek = 0;                       // bytes known durable, or the size if received
  std::optional<digest::Digest> client_sha256;  // present: all bytes were received
  std::uint32_t untar_max_members = 0;
  std::optional<digest::Midstate> checkpoint = {};  // at or below seek

  bool operator==(const Restore&) const = default;
};

struct Restored {
  bool operator==(const Restored&) const = default;
};

// Both the Synced and the hasher's Checkpoint at this offset came, and the ledger has them.
struct Checkpointed {
  Id upload;
  std::uint32_t epoch = 0;
  digest::Midstate state;

  bool operator==(const Checkpointed&) const = default;
};

struct Committed {
  Id upload;
  wire::Receipt receipt;

  bool operator==(const Committed&) const = default;
};

struct Failed {
  Id upload;
  wire::Refusal refusal;

  bool operator==(const Failed&) const = default;
};

// No partial waits, so none can make room.
struct NoPartial {
  bool operator==(const NoPartial&) const = default;
};

// ---- receiver to hasher ----

// Hash this upload: from the start of its staged file, or on from a checkpoint. A higher epoch replaces a
// lower one; the same one again changes nothing.
struct Begin {
  Id upload;
  std::uint32_t mark = 0;  // index of its marks in the shared memory
  std::uint32_t epoch = 0;
  std::optional<digest::Midstate> checkpoint = {};

  bool operator==(const Begin&) const = default;
};

// A hint that these bytes can be hashed in a slot.
struct Chunk {
  Id upload;
  std::uint32_t epoch = 0;
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
  std::uint32_t slot = 0;
  std::uint64_t generation = 0;

  bool operator==(const Chunk&) const = default;
};

// The upload is complete in this many bytes. The hasher finishes from the file and tells the committer.
struct End {
  Id upload;
  std::uint32_t epoch = 0;
  std::uint64_t size = 0;
  digest::Digest expected{};

  bool operator==(const End&) const = default;
};

// Say the Checkpoint at this offset when the digest is there. It lies at or beyond all that was taken before
// it was sent, and replaces an earlier one.
struct Plan {
  Id upload;
  std::uint32_t epoch = 0;
  std::uint64_t offset = 0;  // a multiple of digest::kBlockBytes

  bool operator==(const Plan&) const = default;
};

// Forget the upload.
struct Drop {
  Id upload;

  bool operator==(const Drop&) const = default;
};

// ---- hasher to committer ----

// Said again to a new committer until the receiver's Drop. `matches` false is confirmed: the whole staged
// file was hashed once more from its start.
struct Verdict {
  Id upload;
  std::uint32_t epoch = 0;
  std::uint64_t size = 0;
  digest::Digest sha256{};
  bool matches = false;
  std::uint64_t from_slots = 0;  // bytes
  std::uint64_t from_file = 0;   // bytes

  bool operator==(const Verdict&) const = default;
};

// The staged file could not be read: the upload can't be verified.
struct Unreadable {
  Id upload;
  std::uint32_t epoch = 0;
  std::string sentence;

  bool operator==(const Unreadable&) const = default;
};

// The digest at a planned offset. Said again to a new committer.
struct Checkpoint {
  Id upload;
  std::uint32_t epoch = 0;
  digest::Midstate state;

  bool operator==(const Checkpoint&) const = default;
};

// ---- committer and supervisor, over a socketpair ----

// Start dync-untar. Passed with it: the archive (read-only), the empty directory to fill, and a file for the
// one sentence that tells why it refused.
struct RunUntar {
  std::uint64_t job = 0;
  std::uint32_t max_members = 0;
  std::uint64_t max_bytes = 0;
  std::uint32_t max_ratio = 0;

  bool operator==(const RunUntar&) const = default;
};

struct UntarEnded {
  std::uint64_t job = 0;
  std::int32_t code = 0;
  std::int32_t signal = 0;

  bool operator==(const UntarEnded&) const = default;
};

// ---- worker to supervisor, over its channel ----

struct LogLine {
  std::uint8_t level = 0;  // service::Level
  std::string text;

  bool operator==(const LogLine&) const = default;
};
struct Ready {
  std::string address;  // the receiver's bound endpoint, else empty

  bool operator==(const Ready&) const = default;
};
struct Alive {
  bool operator==(const Alive&) const = default;
};

// ---- supervisor to worker, over its channel ----

// The settings changed. Passed with it: a memory file with the text of the new config file, which was checked
// and differs only in what a running server can take over. A worker that starts later gets that text at once.
struct Reload {
  bool debug = false;  // send debug lines from now on

  bool operator==(const Reload&) const = default;
};

using Message = std::variant<Hello, Open, Find, AllReceived, Abort, Park, Synced, Progress, MakeRoom, Event,
                             Opened, Refused, Finished, Restore, Restored, Checkpointed, Committed, Failed,
                             NoPartial, Begin, Chunk, End, Plan, Drop, Verdict, Unreadable, Checkpoint,
                             RunUntar, UntarEnded, LogLine, Ready, Alive, Reload>;

std::string encode(const Message& message);

// Nothing if the bytes are no message of this protocol and version: the process is wired wrongly, or its
// peer is another version. Trailing bytes are none either.
std::optional<Message> decode(std::string_view bytes);

}  // namespace dync::ipc
