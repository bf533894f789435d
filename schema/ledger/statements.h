#pragma once

// Every SQL statement of dync, beside the migrations. Internal to the ledger.
namespace dync::ledger::sql {

// ---- opening ----
inline constexpr char kJournal[] = "PRAGMA journal_mode = WAL";
inline constexpr char kWriterSettings[] =
    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
    "PRAGMA journal_size_limit = 67108864;";
inline constexpr char kReaderSettings[] = "PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;";
inline constexpr char kQuickCheck[] = "PRAGMA quick_check(1)";
inline constexpr char kVersion[] = "PRAGMA user_version";
inline constexpr char kSetVersion[] = "PRAGMA user_version = ";  // and the number: it takes no parameter
inline constexpr char kPages[] = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
inline constexpr char kCheckpointAfter[] = "PRAGMA wal_autocheckpoint = ";  // and the number of pages
inline constexpr char kKeepLogsSize[] = "PRAGMA journal_size_limit = -1";
inline constexpr char kBegin[] = "BEGIN IMMEDIATE";
inline constexpr char kCommit[] = "COMMIT";
inline constexpr char kRollback[] = "ROLLBACK";

// ---- meta ----
inline constexpr char kLedgerId[] = "ledger_id";
inline constexpr char kBootId[] = "boot_id";
inline constexpr char kLeftAlone[] = "left_alone";  // ids of other ledgers, one after another, each 32 digits
inline constexpr char kGetMeta[] = "SELECT value FROM meta WHERE name = ?";
inline constexpr char kSetMeta[] =
    "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value";

// ---- questions; the columns are read by position in rows.cc ----
#define DYNC_ROW                                                                                            \
  "SELECT u.upload_id, u.origin, u.filename, u.clean_name, u.destination, u.metadata, u.untar, "            \
  "u.size_declared, u.bytes_received, u.sha256, u.state, u.error_code, u.error, u.created_at, "             \
  "u.updated_at, u.finished_at, s.routing_id, s.upload_key, s.mtime_ns, s.first_chunk_seen, s.chunk_size, " \
  "s.max_queue, s.epoch, s.client_sha256, s.reserves, s.parked_seconds, s.durable_bytes, s.kept, s.held, "  \
  "s.mode, "                                                                                                \
  "s.group_id, s.dropbox_staging "                                                                          \
  "FROM uploads u JOIN sessions s ON s.upload_id = u.upload_id "
#define DYNC_EVENT "SELECT seq, upload_id, at, process, event, detail FROM events "

inline constexpr char kRow[] = DYNC_ROW "WHERE u.upload_id = ?";
inline constexpr char kRowsLike[] =
    DYNC_ROW "WHERE u.upload_id >= ?1 AND u.upload_id < ?1 || 'g' ORDER BY u.upload_id LIMIT ?2";
inline constexpr char kRows[] = DYNC_ROW
    "WHERE (?1 IS NULL OR u.state = ?1) AND (?2 IS NULL OR u.origin = ?2) AND (?3 IS NULL OR u.created_at >= "
    "?3) "
    "ORDER BY u.created_at DESC, u.rowid DESC LIMIT ?4";
inline constexpr char kLive[] = DYNC_ROW
    "WHERE u.state IN ('receiving', 'received', 'verified', 'extracting', 'committing') ORDER BY u.rowid";
inline constexpr char kKept[] = DYNC_ROW "WHERE u.state = 'failed' AND s.kept = 1 ORDER BY u.created_at";
inline constexpr char kByKey[] =
    DYNC_ROW "WHERE s.origin = ? AND s.upload_key = ? ORDER BY u.rowid DESC LIMIT 1";
inline constexpr char kByRoutingId[] =
    DYNC_ROW "WHERE s.origin = ? AND s.routing_id = ? ORDER BY u.rowid DESC LIMIT 1";
inline constexpr char kEvents[] = DYNC_EVENT "WHERE seq > ? ORDER BY seq LIMIT ?";
inline constexpr char kEventsOf[] = DYNC_EVENT "WHERE upload_id = ? AND seq > ? ORDER BY seq LIMIT ?";
inline constexpr char kLastEvents[] = "SELECT * FROM (" DYNC_EVENT "ORDER BY seq DESC LIMIT ?) ORDER BY seq";
inline constexpr char kClaims[] =
    "SELECT upload_id, destination FROM uploads WHERE state IN ('committing', 'committed') ORDER BY rowid";
inline constexpr char kMembers[] = "SELECT path, size, sha256 FROM members WHERE upload_id = ? ORDER BY path";
inline constexpr char kOrphans[] =
    "SELECT directory, upload_id, waited_seconds FROM orphans ORDER BY directory";
inline constexpr char kCounts[] = "SELECT state, count(*) FROM uploads GROUP BY state";
inline constexpr char kBytes[] = "SELECT state, sum(bytes_received) FROM uploads GROUP BY state";
inline constexpr char kCheckpoint[] =
    "SELECT epoch, offset, state FROM checkpoints WHERE upload_id = ? ORDER BY offset DESC LIMIT 1";

#undef DYNC_ROW
#undef DYNC_EVENT

// ---- changes ----
inline constexpr char kAddUpload[] =
    "INSERT INTO uploads (upload_id, origin, filename, clean_name, destination, metadata, untar, "
    "size_declared, "
    "state, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'receiving', ?, ?)";
inline constexpr char kAddSession[] =
    "INSERT INTO sessions (upload_id, origin, routing_id, upload_key, mtime_ns, original, chunk_size, "
    "max_queue, "
    "epoch, reserves, mode, group_id, dropbox_staging) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
inline constexpr char kState[] = "SELECT state FROM uploads WHERE upload_id = ?";
inline constexpr char kSetState[] =
    "UPDATE uploads SET state = ?2, updated_at = ?3, finished_at = ?4 WHERE upload_id = ?1";
inline constexpr char kSetError[] = "UPDATE uploads SET error_code = ?, error = ? WHERE upload_id = ?";
inline constexpr char kSetProgress[] =
    "UPDATE uploads SET bytes_received = ?2, updated_at = ?3 WHERE upload_id = ?1 AND state = 'receiving'";
inline constexpr char kSetSize[] = "UPDATE uploads SET bytes_received = ? WHERE upload_id = ?";
inline constexpr char kSetSha256[] = "UPDATE uploads SET sha256 = ? WHERE upload_id = ?";
inline constexpr char kSetDestination[] =
    "UPDATE uploads SET clean_name = ?, destination = ? WHERE upload_id = ?";
inline constexpr char kReserve[] = "UPDATE sessions SET reserves = ? WHERE upload_id = ?";
inline constexpr char kSetParked[] =
    "UPDATE sessions SET epoch = ?, durable_bytes = ?, parked_seconds = 0, reserves = NULL WHERE upload_id = "
    "?";
inline constexpr char kSetWaited[] = "UPDATE sessions SET parked_seconds = ? WHERE upload_id = ?";
inline constexpr char kSetPosted[] =
    "UPDATE uploads SET filename = ?, clean_name = ?, destination = ?, metadata = ?, untar = ?, "
    "updated_at = ? WHERE upload_id = ?";
inline constexpr char kAttach[] =
    "UPDATE sessions SET routing_id = ?, chunk_size = ?, max_queue = ?, epoch = ?, reserves = ?, mode = ?, "
    "group_id = ?, dropbox_staging = ?, parked_seconds = NULL WHERE upload_id = ?";
inline constexpr char kSetDurable[] = "UPDATE sessions SET durable_bytes = ? WHERE upload_id = ?";
inline constexpr char kRaiseDurable[] =
    "UPDATE sessions SET durable_bytes = max(durable_bytes, ?) WHERE upload_id = ?";
inline constexpr char kEndSession[] =
    "UPDATE sessions SET reserves = NULL, parked_seconds = NULL, kept = ? WHERE upload_id = ?";
inline constexpr char kSetReceived[] =
    "UPDATE sessions SET epoch = ?, client_sha256 = ?, first_chunk_seen = 1 WHERE upload_id = ?";
inline constexpr char kSetEpoch[] = "UPDATE sessions SET epoch = ? WHERE upload_id = ?";
inline constexpr char kSetHeld[] = "UPDATE sessions SET held = 1 WHERE upload_id = ?";
inline constexpr char kDropMembers[] = "DELETE FROM members WHERE upload_id = ?";
inline constexpr char kAddMember[] =
    "INSERT INTO members (upload_id, path, size, sha256) VALUES (?, ?, ?, ?)";
inline constexpr char kAddCheckpoint[] =
    "INSERT INTO checkpoints (upload_id, offset, state, epoch) VALUES (?, ?, ?, ?)";
inline constexpr char kDropCheckpoint[] = "DELETE FROM checkpoints WHERE upload_id = ?";
inline constexpr char kAddOrphan[] =
    "INSERT INTO orphans (directory, upload_id) VALUES (?, ?) ON CONFLICT (directory) DO NOTHING";
inline constexpr char kSetOrphanWaited[] = "UPDATE orphans SET waited_seconds = ? WHERE directory = ?";
inline constexpr char kDropOrphan[] = "DELETE FROM orphans WHERE directory = ?";
inline constexpr char kAddEvent[] =
    "INSERT INTO events (upload_id, at, process, event, detail) VALUES (?, ?, ?, ?, ?)";

}  // namespace dync::ledger::sql
