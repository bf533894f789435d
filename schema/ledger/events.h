#pragma once

// The names of the events that the committer writes, each with what its detail tells. They are in the ledger
// for ever. Workers send others through ipc::Event.
namespace dync::ledger::events {

inline constexpr char kOpened[] = "opened";    // {"original":bool,"chunk_size":N,"max_queue":N}
inline constexpr char kRefused[] = "refused";  // {"user":…,"name":…,"code":N,"error":…}; no upload
inline constexpr char kParked[] = "parked";    // {"bytes":N,"epoch":N,"why":…}; it waits for its client
inline constexpr char kResumed[] = "resumed";  // {"bytes":N,"epoch":N,"name":…}; N bytes are there already
inline constexpr char kExpired[] = "expired";  // {"code":N,"error":…}
inline constexpr char kLost[] = "lost";        // {"bytes":N}; so many bytes are not in staging any more
inline constexpr char kCut[] = "cut";  // {"bytes":N,"written":N}; the machine died, it goes on at `bytes`
inline constexpr char kReceived[] =
    "received";  // {"size":N,"epoch":N,"direct":N,"buffered":N,"unhashed_at_last":N}
inline constexpr char kVerified[] = "verified";         // {"sha256":…,"from_slots":N,"from_file":N}
inline constexpr char kExtracting[] = "extracting";     // {}
inline constexpr char kExtracted[] = "extracted";       // {"top":…,"members":N,"bytes":N}
inline constexpr char kNotATar[] = "not_a_tar";         // {}; stored as a plain file
inline constexpr char kCommitting[] = "committing";     // {"destination":…}
inline constexpr char kCommitted[] = "committed";       // {"destination":…}
inline constexpr char kFailed[] = "failed";             // {"code":N,"error":…,"kept":bool}
inline constexpr char kKeptExpired[] = "kept_expired";  // {"directory":…}; its data was removed
inline constexpr char kAborted[] = "aborted";           // {"code":N,"error":…}
inline constexpr char kHeld[] = "held";                 // {"error":…}; a sync failed at step 7 or 8
inline constexpr char kReplayed[] = "replayed";         // {"state":…}; a new committer goes on with it
inline constexpr char kOrphaned[] = "orphaned";         // {"directory":…}; staging without a row, set aside
inline constexpr char kOrphanExpired[] = "orphan_expired";  // {"directory":…}; it was removed
inline constexpr char kLeftAlone[] =
    "left_alone";  // {"ledger":…,"uploads":N}; staging of another ledger, the operator said so
inline constexpr char kStarted[] = "started";  // {"version":…}; a committer serves; no upload

}  // namespace dync::ledger::events
