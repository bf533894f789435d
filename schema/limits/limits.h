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
inline constexpr std::size_t kMaxRoutingId = 255;  // libzmq's own

// ---- transport (libzmq 4.3.4, see DESIGN.md "Transport") ----
inline constexpr int kDefaultPort = 8889;
inline constexpr seconds kServerHeartbeat{5};
inline constexpr seconds kServerHeartbeatTtl{20};
inline constexpr seconds kServerHeartbeatTimeout{60};  // a 256 KiB chunk at 128 kbit/s holds the answer back
inline constexpr seconds kClientHeartbeat{5};
inline constexpr seconds kClientHeartbeatTimeout{30};
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
inline constexpr std::uint32_t kMarks = 16384;            // live uploads at most
inline constexpr std::uint64_t kSmallUpload = 64 * kKiB;  // chunks up to this skip the slots
inline constexpr std::uint64_t kDirectAlignment = 4096;   // O_DIRECT offsets, lengths and addresses
inline constexpr seconds kReportPause{25};                // between two status-reports for one position
inline constexpr milliseconds kRepeatPause{250};          // between two repeated answers after the end
inline constexpr seconds kCommitterSilence{20};           // a post-file hears 503 after that

// ---- supervision ----
inline constexpr seconds kStop{10};  // SIGTERM to exit
inline constexpr milliseconds kRestartFirst{0};
inline constexpr seconds kRestartMost{10};  // back-off of a worker that keeps dying

// ---- the client, as the original ----
inline constexpr seconds kQueryAfter{30};
inline constexpr int kQueryTries = 120;

}  // namespace dync::limits
