#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/digest/sha256.h"
#include "proto/wire/id.h"

// The messages between client and server and their frames. Pure: no sockets, no clock, no state.
// Frame 0 is the command, integers are big-endian of exactly the stated width, text is UTF-8.
// Fields marked "ours" travel in a trailing frame that an original peer ignores; a peer that sends none of
// them is an original.
namespace dync::wire {

// Error codes follow HTTP.
enum class Code : std::uint32_t {
  malformed = 400,  // message, metadata or name
  forbidden = 403,  // key revoked, or not your upload
  unknown = 404,    // no such upload
  timeout = 408,
  conflict = 409,   // exists, or is being uploaded
  too_large = 413,  // chunk or metadata
  refused = 422,    // by a rule: no dropbox, metadata, checksum, archive
  over_credit = 429,
  internal = 500,
  stopping = 503,
  no_space = 507,
};

// Why something was refused: a code, and one sentence that says what to change.
struct Refusal {
  Code code;
  std::string sentence;

  bool operator==(const Refusal&) const = default;
};

// ---- client to server ----

struct PostFileOptions {  // ours
  Id key;
  std::optional<std::uint64_t> size;     // absent for a stream
  std::optional<std::int64_t> mtime_ns;  // absent for a stream
  bool check = false;                    // only ask whether it would be accepted
  std::optional<Id> replaces;            // ends that upload of the same user first

  bool operator==(const PostFileOptions&) const = default;
};

struct PostFile {
  std::string filename;
  std::string metadata;  // a JSON object, as the client's bytes
  std::optional<PostFileOptions> options;

  bool operator==(const PostFile&) const = default;
};

struct PostChunk {
  bool last = false;
  std::uint64_t seek = 0;                  // bytes
  std::span<const std::byte> data;         // a view into the frame
  std::optional<digest::Digest> checksum;  // with the last chunk
};

struct QueryStatus {
  bool operator==(const QueryStatus&) const = default;
};

struct ClientError {
  std::uint32_t code = 0;
  std::string message;

  bool operator==(const ClientError&) const = default;
};

using ClientMessage = std::variant<PostFile, PostChunk, QueryStatus, ClientError>;

// ---- server to client ----

struct ApprovalOptions {  // ours
  Id key;
  Id upload_id;            // all zero: it was only asked whether the upload would be accepted
  std::uint64_t seek = 0;  // bytes that are already there
  std::uint32_t untar_max_members = 0;

  bool operator==(const ApprovalOptions&) const = default;
};

struct UploadApproved {
  std::uint32_t credit = 0;      // chunks
  std::uint32_t chunk_size = 0;  // bytes, a maximum
  std::uint32_t max_queue = 0;   // sent chunks that an original keeps for resending
  std::optional<ApprovalOptions> options;

  bool operator==(const UploadApproved&) const = default;
};

struct TransferCredit {
  std::uint32_t amount = 0;  // chunks

  bool operator==(const TransferCredit&) const = default;
};

struct StatusReport {
  std::uint64_t seek = 0;    // bytes
  std::uint32_t credit = 0;  // chunks from there

  bool operator==(const StatusReport&) const = default;
};

struct Receipt {  // ours
  Id upload_id;
  digest::Digest sha256{};
  std::uint64_t size = 0;
  std::string destination;
  std::string committed_at;  // RFC 3339

  bool operator==(const Receipt&) const = default;
};

struct UploadFinished {
  std::string upload_id;
  std::optional<Receipt> receipt;

  bool operator==(const UploadFinished&) const = default;
};

struct ServerError {
  std::uint32_t code = 0;
  std::string message;
  std::optional<Id> key;  // ours

  bool operator==(const ServerError&) const = default;
};

using ServerMessage = std::variant<UploadApproved, TransferCredit, StatusReport, UploadFinished, ServerError>;

// ---- frames ----

using FrameView = std::span<const std::byte>;

// Either the message or why it is none. Views in the message point into `frames`. Trailing frames beyond
// the known ones are ignored from a server, and are malformed from a client (400).
std::variant<ClientMessage, Refusal> decode_client(std::span<const FrameView> frames);
std::variant<ServerMessage, Refusal> decode_server(std::span<const FrameView> frames);

// A message ready to send. `data` is the one frame that is not copied: it stands at `data_at`.
struct Encoded {
  std::vector<std::string> frames;
  FrameView data;
  std::optional<std::size_t> data_at;  // its place among the frames, chunks only (frames[data_at] is empty)
};
Encoded encode(const ClientMessage& message);
Encoded encode(const ServerMessage& message);

}  // namespace dync::wire
