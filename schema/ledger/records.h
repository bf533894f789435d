#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "proto/digest/sha256.h"
#include "proto/wire/id.h"
#include "schema/ledger/states.h"

// The ledger's rows as values. Times are RFC 3339 UTC text, sizes are bytes.
namespace dync::ledger {

using digest::Digest;
using wire::Id;

// A row of `uploads`: its columns are a promise to operators and scripts.
struct Upload {
  Id upload_id;
  std::string origin;    // user id
  std::string filename;  // as sent
  std::string clean_name;
  std::string destination;  // DROPBOX/CLEAN, or DROPBOX/TOP once an archive is extracted
  std::string metadata;     // the client's bytes
  bool untar = false;
  std::optional<std::uint64_t> size_declared = {};  // absent: a stream, or an original
  std::uint64_t bytes_received = 0;
  std::optional<Digest> sha256 = {};  // as verified
  State state = State::receiving;
  std::optional<std::uint32_t> error_code = {};
  std::optional<std::string> error = {};
  std::string created_at;
  std::string updated_at;
  std::optional<std::string> finished_at = {};
};

// What a session needs after a restart. Internal: it may change with any migration.
struct Session {
  std::string routing_id;      // the connection that opened it
  std::optional<Id> key = {};  // absent: an original
  std::optional<std::int64_t> mtime_ns = {};
  bool first_chunk_seen = false;
  std::uint32_t chunk_size = 0;              // as given
  std::uint32_t max_queue = 0;               // as given
  std::uint32_t epoch = 0;                   // the last one that the ledger heard of
  std::optional<Digest> client_sha256 = {};  // with the last chunk
  std::optional<std::string> reserves = {};  // the destination that no other upload may take meanwhile
  // Present: no session serves it, its partial waits for its client and has waited so long, in seconds. Of a
  // kept one: how long its data has waited for the operator.
  std::optional<std::uint64_t> parked_seconds = {};
  std::uint64_t durable_bytes = 0;         // of the staged file, known to be synced: where a resume goes on
  std::optional<std::uint32_t> mode = {};  // of the data set's directories, as its dropbox has it
  std::optional<std::uint32_t> group_id = {};       // of the data set
  std::optional<std::string> dropbox_staging = {};  // where ID/out lies; absent: in storage.tmp_dir
  bool kept = false;  // failed, but its verified data stays in staging for `dync-admin retry`
  bool held = false;  // a sync failed while it was published: only the operator lets it go on
};

struct Row {
  Upload upload;
  Session session;
};

// A row of `events`.
struct Event {
  std::int64_t seq = 0;
  std::optional<Id> upload_id = {};  // absent: a refusal, or something of the server as a whole
  std::string at;
  std::string process;  // receiver, hasher, committer, …
  std::string event;    // schema/ledger/events.h
  std::string detail;   // a JSON object
};

// A row of `members`: one regular file of an extracted archive.
struct Member {
  std::string path;  // TOP/…, or TOP
  std::uint64_t size = 0;
  Digest sha256{};
};

// A staging directory without an upload, set aside until it expires.
struct Orphan {
  std::filesystem::path directory;
  Id upload_id;  // by its stamp
  std::uint64_t waited_seconds = 0;
};

// A SHA-256 state after `state.length` bytes that are durable: where hashing goes on.
struct Checkpoint {
  std::uint32_t epoch = 0;  // in which these bytes were written and hashed
  digest::Midstate state;
};

}  // namespace dync::ledger
