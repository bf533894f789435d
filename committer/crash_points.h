#pragma once

// Where a test build can be killed (posix::crash_point), in the order of an upload's way: the number is the
// step of the commit. Tests go through kAll; a step without a point here has no test.
namespace dync::committer::crash {

inline constexpr char kMaking[] = "commit.1.making";              // the stamp is written, under another name
inline constexpr char kStaged[] = "commit.1.staged";              // staging/ID with its stamp is durable
inline constexpr char kOpened[] = "commit.1.opened";              // the row is durable, nobody was told
inline constexpr char kCheckpointed[] = "commit.2.checkpointed";  // durable, nobody was told
inline constexpr char kParked[] = "commit.2.parked";              // durable
inline constexpr char kResumed[] = "commit.2.resumed";            // durable, nobody was told
inline constexpr char kExpired[] = "commit.2.expired";            // durable, its staging is still there
inline constexpr char kReceived[] = "commit.3.received";          // durable
inline constexpr char kVerified[] = "commit.4.verified";          // durable
inline constexpr char kExtracted[] = "commit.5.extracted";        // the tree is checked and reserved
inline constexpr char kOutMade[] = "commit.5.out_made";           // empty directories
inline constexpr char kDataMoved[] = "commit.5.data_moved";       // data or tree renamed into out/
inline constexpr char kElsewhere[] = "commit.5.elsewhere";  // DROPBOX_STAGING/ID with its stamp is durable
inline constexpr char kCopying[] = "commit.5.copying";  // a part of the data, or of the first file of a tree
inline constexpr char kCopied[] = "commit.5.copied";    // data or tree, synced
inline constexpr char kSidecarsWritten[] = "commit.5.sidecars_written";
inline constexpr char kMarkerWritten[] = "commit.5.marker_written";
inline constexpr char kPrepared[] = "commit.5.prepared";      // all synced
inline constexpr char kChecked[] = "commit.6.checked";        // the target is free
inline constexpr char kCommitting[] = "commit.6.committing";  // durable
inline constexpr char kItemRenamed[] = "commit.7.renamed";
inline constexpr char kItemSynced[] = "commit.7.synced";
inline constexpr char kMarkerRenamed[] = "commit.8.renamed";
inline constexpr char kMarkerSynced[] = "commit.8.synced";
inline constexpr char kCommitted[] = "commit.9.committed";           // durable, nobody was told
inline constexpr char kEmptied[] = "commit.9.emptied";               // staging/ID holds its stamp only
inline constexpr char kElsewhereGone[] = "commit.9.elsewhere_gone";  // and staging/ID is still there
inline constexpr char kUnstamped[] = "commit.9.unstamped";           // and not even that
inline constexpr char kCleaned[] = "commit.9.cleaned";               // staging/ID is gone

// In the recovery, in its order.
inline constexpr char kRecovering[] = "recover.1.begun";  // nothing is changed so far
inline constexpr char kSetAside[] =
    "recover.2.set_aside";                             // an orphan is in orphans/, nothing durable says so
inline constexpr char kMended[] = "recover.3.mended";  // a row has its staging again
inline constexpr char kReplayed[] = "recover.4.replayed";    // all is decided, nothing of it durable
inline constexpr char kRecovered[] = "recover.5.recovered";  // durable, no file step has begun
inline constexpr char kGreeted[] = "recover.6.greeted";      // a new receiver asked, and was told nothing

// Those of an upload that goes straight through; the other ones are of uploads whose client is lost on the
// way.
inline constexpr const char* kAll[] = {
    kMaking,     kStaged,          kOpened,        kReceived,  kVerified, kExtracted,  kOutMade,
    kDataMoved,  kSidecarsWritten, kMarkerWritten, kPrepared,  kChecked,  kCommitting, kItemRenamed,
    kItemSynced, kMarkerRenamed,   kMarkerSynced,  kCommitted, kEmptied,  kUnstamped,  kCleaned};

inline constexpr const char* kRecovery[] = {kRecovering, kSetAside, kMended, kReplayed, kRecovered, kGreeted};

// Those of an upload whose dropbox is on another file system.
inline constexpr const char* kAllElsewhere[] = {
    kElsewhere, kCopying,    kCopied,        kSidecarsWritten, kMarkerWritten, kPrepared,
    kChecked,   kCommitting, kItemRenamed,   kItemSynced,      kMarkerRenamed, kMarkerSynced,
    kCommitted, kEmptied,    kElsewhereGone, kUnstamped,       kCleaned};

}  // namespace dync::committer::crash
