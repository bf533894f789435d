#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "proto/wire/id.h"

// The one module that forms and parses the name of every file that dync writes or reads.
namespace dync::names {

using Path = std::filesystem::path;
using wire::Id;

// ---- staging: TMP_DIR/ID/ ----
Path staging_dir(const Path& tmp_dir, const Id& upload);
inline constexpr char kStagedData[] = "data";
inline constexpr char kStamp[] = "stamp";
inline constexpr char kNewStamp[] = "stamp.new";  // on its way to take the stamp's place
inline constexpr char kOut[] = "out";             // what is about to be published
inline constexpr char kExtracting[] = "extract";  // dync-untar fills it
inline constexpr char kUntarReport[] = "report";  // why dync-untar refused
inline constexpr char kOrphans[] = "orphans";     // TMP_DIR/orphans
// For a dropbox on another file system than TMP_DIR: DROPBOX/../.dync-staging, with ID/stamp and ID/out.
inline constexpr char kDropboxStaging[] = ".dync-staging";
std::optional<Id> staged_upload(std::string_view directory_name);

// The stamp's content: whose staging directory this is.
struct Stamp {
  Id ledger;
  Id upload;
};
inline constexpr std::size_t kLongestStamp = 4096;  // bytes; what is longer is no stamp
std::string format_stamp(const Stamp& stamp);
std::optional<Stamp> parse_stamp(std::string_view text);
// What a staging directory is called until its stamp is in it: .making-LEDGER-UPLOAD. So a crash leaves
// nothing of which nobody knows whose it is.
std::string in_the_making(const Stamp& stamp);
bool is_in_the_making(std::string_view directory_name, const Id& ledger);

// ---- dropbox: ITEM/… and the marker beside it ----
std::string marker(std::string_view item);  // .MARKER_is_finished_ITEM
bool looks_like_marker(std::string_view name);
std::string checksum_sidecar(std::string_view item);       // ITEM.sha256sum
std::string original_name_sidecar(std::string_view item);  // ITEM.origlabfilename
std::string metadata_sidecar(std::string_view item);       // ITEM.metadata.json
inline constexpr char kOriginFile[] = "source_dropbox.txt";

// ---- the server's own ----
inline constexpr char kConfigFile[] = "/etc/dyncserver.yaml";
inline constexpr char kLedger[] = "dync.sqlite";  // default, in storage.path
Path ledger_lock(const Path& ledger);             // held by the one committer
Path ledger_wal(const Path& ledger);              // SQLite's write-ahead log
Path run_file(const Path& ledger);                // LEDGER.run
Path marks_file(const Path& ledger);              // LEDGER.marks, the receiver's
Path committer_socket(const Path& runtime_dir);
Path admin_socket(const Path& runtime_dir);
Path hasher_socket(const Path& runtime_dir, int hasher);
std::string ipc_endpoint(const Path& socket);  // ipc://…

// ---- keys ----
inline constexpr char kDotDir[] = ".dync";
inline constexpr char kServerSecret[] = "server.key_secret";
inline constexpr char kServerPublic[] = "server.key";
inline constexpr char kClientSecret[] = "client.key_secret";
inline constexpr char kClientPublic[] = "client.key";
inline constexpr char kClients[] = "clients";  // directory of *.key
inline constexpr char kPublicSuffix[] = ".key";
inline constexpr char kKnownServers[] = "known_servers";  // directory of HOST_PORT.key
Path known_server(const Path& dot_dir, std::string_view host, int port);

// ---- the client's memory: DOT_DIR/state/DIGEST, one file for each upload that has not ended ----
inline constexpr char kState[] = "state";
inline constexpr char kNewSuffix[] = ".new";  // about to be renamed to the name without it
bool is_state_file(std::string_view name);    // 64 lower-case hex digits, also with kNewSuffix

}  // namespace dync::names
