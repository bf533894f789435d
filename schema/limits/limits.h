#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

// Every limit that is not configurable, with its reason. What an operator can set stands in
// schema/config/parameters.h. Only constants live here.
namespace dync::limits {

using std::chrono::milliseconds;
using std::chrono::seconds;
inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;

// ---- names and metadata ----
inline constexpr std::size_t kMaxName = 200;          // bytes; leaves room for the sidecars' suffixes in 255
inline constexpr std::size_t kMaxMetadataDepth = 16;  // nesting; deeper is an attack on parsers
inline constexpr std::size_t kMaxUserId = 64;
inline constexpr std::size_t kMaxSchema = 256 * kKiB;  // of a JSON Schema file; one by hand has a few KiB
inline constexpr std::size_t kMaxSchemas = 8 * kMiB;   // of all together; each worker holds them
inline constexpr std::size_t kMaxSchemaDepth = 64;     // nesting; three levels of it describe one of metadata
inline constexpr std::size_t kMaxComplaint = 4 * kKiB;  // bytes of a refusal that lists what metadata lacks
// What one check of metadata may cost, in steps of a pattern or of a walk: about half a second.
inline constexpr std::uint32_t kMaxMetadataSteps = 10'000'000;
inline constexpr std::size_t kMaxRoutingId = 255;  // libzmq's own

// ---- transport (libzmq 4.3.4, see DESIGN.md "Transport") ----
inline constexpr int kDefaultPort = 8889;
inline constexpr seconds kServerHeartbeat{5};
inline constexpr seconds kServerHeartbeatTtl{20};
inline constexpr seconds kServerHeartbeatTimeout{60};  // a 256 KiB chunk at 128 kbit/s holds the answer back
inline constexpr seconds kClientHeartbeat{5};
inline constexpr seconds kClientHeartbeatTimeout{15};  // its chunks take 1 s, all on its way 3 s
inline constexpr seconds kHandshake{10};
inline constexpr seconds kLinger{1};
inline constexpr int kBacklog = 1024;
inline constexpr int kServerSendHwm = 64;                   // replies to one client
inline constexpr std::uint64_t kFrameOverhead = 64 * kKiB;  // above a chunk: CURVE, other frames

// ---- flow ----
inline constexpr std::uint32_t kOriginalChunk = 256 * kKiB;  // passes in time at 128 kbit/s
inline constexpr std::uint32_t kOriginalQueue = 100;         // 25 MiB in its memory, as with its own server
inline constexpr std::uint32_t kOriginalReserve = 16;  // never granted: its empty chunks push kept ones out
inline constexpr std::uint32_t kSlotBytes = 1024 * 1024;
inline constexpr std::uint32_t kSlots = 64;
inline constexpr std::uint32_t kMaxHashers = 16;          // the shared memory counts so many incarnations
inline constexpr std::uint32_t kMarks = 16384;            // live uploads at most
inline constexpr std::uint64_t kSmallUpload = 64 * kKiB;  // chunks up to this skip the slots
inline constexpr std::uint64_t kDirectAlignment = 4096;   // O_DIRECT offsets, lengths and addresses
inline constexpr seconds kReportPause{25};                // between two status-reports for one position
inline constexpr milliseconds kRepeatPause{250};          // between two repeated answers after the end
inline constexpr seconds kCommitterSilence{20};           // a post-file hears 503 after that

// ---- receiver ----
// Chunks of one upload on the way, in bytes. As much as it may hold in slots, so nearly nothing waits outside
// of them: with this window, libzmq's queue and the session's own stay below 64 MiB of anonymous memory.
inline constexpr std::uint64_t kWindow = 32 * kMiB;
// Messages that libzmq keeps of one connection: a window of 1 MiB chunks and the small messages between them.
inline constexpr int kServerReceiveHwm = 40;
// An upload's window at first, in bytes, and how it grows: by what was written in the last two spans.
inline constexpr std::uint64_t kFirstWindow = 4 * kMiB;
inline constexpr seconds kDeliverySpan{5};
inline constexpr std::size_t kFirstWaiting = 64;  // of those that wait for credit: a chunk is kept for each
inline constexpr std::uint64_t kReceiverMemory = 256 * kMiB;  // beyond the budget: then it starts anew
inline constexpr std::uint64_t kHasherLag = 32 * kMiB;  // beyond it slots are free once written, no hints
inline constexpr milliseconds kSlotPause{3};  // between two looks for a free slot, while one is missed
inline constexpr std::uint64_t kPreallocate =
    8 * kMiB;                               // files of a known size from here on get their blocks at once
inline constexpr seconds kSilentShare{45};  // a silent session's credit goes back to the budget
inline constexpr seconds kOurSilence{60};   // a session of our client ends, its partial waits
inline constexpr seconds kOurGone{5};       // the same, once its connection was found gone
// An original's upload may be taken over by its user: it may be silent for long, its source can pause.
inline constexpr seconds kOriginalSilence{120};
inline constexpr seconds kOriginalSilenceWithCredit{900};
inline constexpr seconds kOriginalGone{30};
inline constexpr seconds kProgress{5};              // between two notes of an upload's position to the ledger
inline constexpr seconds kKeysRefresh{1};           // a changed key counts within 2 s
inline constexpr seconds kAnswerKept{600};          // how long an ended session can be asked for its answer,
inline constexpr std::size_t kAnswersKept = 10000;  // and how many at most; the committer knows the others
inline constexpr seconds kSelfTest{10};             // for the receiver to be refused by itself at start
inline constexpr seconds kReceiverStop{5};          // writes that are under way at SIGTERM
inline constexpr int kMessagesATurn = 64;           // read from the network before others get their turn

// ---- checkpoints ----
inline constexpr std::uint64_t kCheckpoint =
    256 * kMiB;                                 // between two of an upload: what is read again at most
inline constexpr seconds kCheckpointPause{30};  // on a slow link: what a power cut loses at most

// ---- a full disk ----
inline constexpr std::uint64_t kKeptBack = kGiB;  // of a file system, where the operator has not said more,
inline constexpr std::uint64_t kKeptShare = 20;   // or this part of it, whichever is less
inline constexpr milliseconds kRoomPause{250};    // between two looks for room, while an upload waits for it
inline constexpr milliseconds kRoomMeasured{10};  // so old may be what is known of the free space
inline constexpr milliseconds kRoomPatience{30000};  // nothing goes on for so long: somebody must make room
inline constexpr milliseconds kRoomFavour{5000};  // a stream that comes first keeps that while it is so idle
inline constexpr std::uint64_t kRoomForOne = 4;   // the last part of the streams' room is for one at a time
// Credit for no more than this part of what is free may be out, but always for so many bytes.
inline constexpr std::uint64_t kRoomForCredit = 4;
inline constexpr std::uint64_t kLeastCredit = 8 * kMiB;
inline constexpr milliseconds kRoomBack{1000};  // nobody waits for so long: there is room again
// Blocks that the ledger's write-ahead log has in advance, so that a full disk does not stop it: four times
// what it usually holds. At most this part of what is kept back.
inline constexpr std::uint64_t kLedgerAhead = 16 * kMiB;
inline constexpr std::uint64_t kLedgerShare = 2;
inline constexpr std::uint32_t kLedgerStep = kMiB;  // the ledger's file grows by so much at a time
inline constexpr seconds kLedgerRenewed{10};        // its blocks are asked for again, should some have gone

// ---- hasher ----
inline constexpr milliseconds kHintPause{100};       // without a hint for so long it reads the file
inline constexpr std::size_t kHashShare = 4 * kMiB;  // of one upload, before the next gets its turn
inline constexpr std::size_t kHashTurn = 16 * kMiB;  // of all, about 10 ms, before messages are read
inline constexpr std::size_t kHashRead = kMiB;       // of a staged file at once
inline constexpr std::size_t kMostHints = 64;        // of one upload; more than its half of the slots
inline constexpr milliseconds kVerdictAgain{1000};   // after a new committer, if its first came too early

// ---- commit ----
inline constexpr int kCommitThreads = 8;                // many syncs at once, so that the journal merges them
inline constexpr int kCopyThreads = 4;                  // to dropboxes on other file systems
inline constexpr std::uint64_t kQuickCopy = 16 * kMiB;  // a copy up to this is as short as a few syncs
inline constexpr int kTreeThreads = 2;                  // archives' trees: long work that holds up no commit
inline constexpr std::size_t kMostInBatch = 512;        // messages and results that share one COMMIT
inline constexpr milliseconds kWriterPoll{50};    // how often a staged file is asked for its last writer
inline constexpr milliseconds kWriterGone{5000};  // then the upload fails: it must not change any more
inline constexpr seconds kLedgerLock{10};         // a new committer waits so long for the last one's lock

// ---- supervision ----
inline constexpr seconds kStop{10};  // SIGTERM to exit
inline constexpr milliseconds kRestartFirst{0};
inline constexpr seconds kRestartMost{10};       // back-off of a worker that keeps dying
inline constexpr seconds kSteady{1};             // a worker that served for so long starts again at once
inline constexpr seconds kWorkerStart{300};      // the committer reads the whole ledger before it is ready
inline constexpr std::size_t kUntarsAtOnce = 4;  // they share the disks
inline constexpr int kUntarKills = 3;            // the archive that is at hand so often is refused
inline constexpr seconds kUntarTime{3600};       // for one archive: 10 GiB at 3 MB/s

// ---- the client, as the original ----
inline constexpr seconds kQueryAfter{30};
inline constexpr int kQueryTries = 120;
inline constexpr seconds kIdleQuery{20};         // a sign of life while standard input has nothing
inline constexpr seconds kFirstConnect{5};       // refused for so long at the first connect: told, exit 1
inline constexpr seconds kFirstAnswer{10};       // no TCP connection at all for so long: told, exit 1
inline constexpr milliseconds kRetryFirst{250};  // a new post-file after 503 or a lost connection, doubled
inline constexpr seconds kRetryMost{30};
inline constexpr std::uint32_t kReadAhead = 8;               // chunks in memory, read or on their way
inline constexpr std::uint32_t kLargestChunk = 4 * kMiB;     // whatever a server allows
inline constexpr std::uint64_t kLargestWindow = 256 * kMiB;  // kept of standard input for a rewind
inline constexpr std::size_t kMaxMetadataFile = 16 * kMiB;   // of -m; the server's own limit is stricter
inline constexpr std::uint64_t kStateStep = 64 * kMiB;       // between two notes of the hash: 40 ms of work
inline constexpr std::uint64_t kSyncedState = 8 * kMiB;      // of a file: sent again is dearer than a sync
inline constexpr std::size_t kMaxStateFile = 64 * kMiB;      // of one upload: notes for 50 TB
inline constexpr seconds kStateKept{30L * 24 * 3600};        // untouched; no server keeps a partial so long
inline constexpr std::uint64_t kHashPart = kMiB;  // read at once, of what lies before a resumed position,
inline constexpr int kHashParts = 4;  // and how many of them for each piece that is sent meanwhile

}  // namespace dync::limits
