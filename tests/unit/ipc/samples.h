#pragma once

#include <string>
#include <type_traits>

#include "proto/ipc/messages.h"

// One message of each type with every field away from its default. A new type without a sample here does not
// compile (all_samples in messages_test.cc asks for each alternative).
namespace dync::ipc::samples {

inline Id id(unsigned char first) {
  std::array<std::byte, Id::kBytes> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(first + i);
  return Id(bytes);
}

inline digest::Digest digest(unsigned char first) {
  digest::Digest bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(first + i);
  return bytes;
}

inline wire::PostFileOptions options() {
  return {.key = id(9), .size = 1ULL << 40, .mtime_ns = -1'000'000'007, .check = true, .replaces = id(77)};
}
inline wire::Receipt receipt() {
  return {.upload_id = id(3),
          .sha256 = digest(200),
          .size = 0x0102030405060708,
          .destination = "/data/pdf/a.pdf",
          .committed_at = "2026-01-31T09:15:02.123Z"};
}
inline digest::Midstate midstate() {
  return {640, {1, 2, 3, 4, 5, 6, 7, 0xdeadbeef}};
}
inline wire::Refusal refusal() {
  return {wire::Code::no_space, "no space: 12 bytes free, 13 wanted"};
}

template <class T>
using For = std::type_identity<T>;

inline Hello sample(For<Hello>) {
  return {};
}
inline Open sample(For<Open>) {
  return {0xfffefdfcfbfaf9f8,
          "lab1",
          std::string("\0\x80r", 3),
          "a b.pdf",
          "{\"k\":\"ü\"}",
          options(),
          262144,
          100,
          id(33),
          1ULL << 35};
}
inline Find sample(For<Find>) {
  return {7, "lab1@x", std::string("\0id", 3)};
}
inline AllReceived sample(For<AllReceived>) {
  return {id(1), 5, 1ULL << 47, digest(1), {11, 22, 33}};
}
inline Abort sample(For<Abort>) {
  return {id(1), wire::Code::timeout, "silent for an hour"};
}
inline Park sample(For<Park>) {
  return {id(2), 70001, 1ULL << 40, "silent for 60 s"};
}
inline Synced sample(For<Synced>) {
  return {id(2), 70001, 1ULL << 28};
}
inline Progress sample(For<Progress>) {
  return {id(2), 12345678901};
}
inline MakeRoom sample(For<MakeRoom>) {
  return {1ULL << 36};
}
inline Event sample(For<Event>) {
  return {id(2), "gap", "{\"seek\":1}"};
}

inline Opened sample(For<Opened>) {
  return {1, id(4), 65537, 1ULL << 33, 10, midstate()};
}
inline Refused sample(For<Refused>) {
  return {2, refusal()};
}
inline Finished sample(For<Finished>) {
  return {3, receipt()};
}
inline Restore sample(For<Restore>) {
  return {id(5), sample(For<Open>{}), 6, 1ULL << 34, digest(7), 11, midstate()};
}
inline Restored sample(For<Restored>) {
  return {};
}
inline Checkpointed sample(For<Checkpointed>) {
  return {id(6), 70001, midstate()};
}
inline Committed sample(For<Committed>) {
  return {id(6), receipt()};
}
inline Failed sample(For<Failed>) {
  return {id(7), refusal()};
}
inline NoPartial sample(For<NoPartial>) {
  return {};
}

inline Begin sample(For<Begin>) {
  return {id(8), 16383, 70000, midstate()};
}
inline Chunk sample(For<Chunk>) {
  return {id(8), 70000, 1ULL << 20, 1048576, 63, 1ULL << 50};
}
inline End sample(For<End>) {
  return {id(8), 70000, 4242, digest(40)};
}
inline Plan sample(For<Plan>) {
  return {id(8), 70000, 1ULL << 28};
}
inline Drop sample(For<Drop>) {
  return {id(8)};
}

inline Verdict sample(For<Verdict>) {
  return {id(9), 2, 4242, digest(41), true, 4000, 242};
}
inline Unreadable sample(For<Unreadable>) {
  return {id(9), 2, "cannot read data: Input/output error"};
}
inline Checkpoint sample(For<Checkpoint>) {
  return {id(9), 2, midstate()};
}

inline RunUntar sample(For<RunUntar>) {
  return {1, 10, 10ULL << 30, 200};
}
inline UntarEnded sample(For<UntarEnded>) {
  return {1, -1, 9};
}

inline LogLine sample(For<LogLine>) {
  return {3, "upload.open id=…"};
}
inline Ready sample(For<Ready>) {
  return {"tcp://0.0.0.0:40123"};
}
inline Alive sample(For<Alive>) {
  return {};
}

inline Reload sample(For<Reload>) {
  return {true};
}

}  // namespace dync::ipc::samples
