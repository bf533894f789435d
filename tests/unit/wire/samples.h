#pragma once

#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/unit/wire/frames.h"

// One message of each kind with all that it can hold, and one with as little. A field or a kind that is added
// to messages.h does not compile here until it has a sample.
namespace dync::wire::samples {

template <class Message>
using For = std::type_identity<Message>;

inline PostFileOptions all(For<PostFileOptions> /*kind*/) {
  PostFileOptions sample{tests::id(1), 11, -1, true, tests::id(2)};
  [[maybe_unused]] const auto& [key, size, mtime_ns, check, replaces] = sample;
  return sample;
}
inline PostFile all(For<PostFile> /*kind*/) {
  PostFile sample{"a.txt", "{}", all(For<PostFileOptions>())};
  [[maybe_unused]] const auto& [filename, metadata, options] = sample;
  return sample;
}
inline PostChunk all(For<PostChunk> /*kind*/) {
  PostChunk sample{true, 7, {}, tests::digest_of(3)};
  [[maybe_unused]] const auto& [last, seek, data, checksum] = sample;
  return sample;
}
inline QueryStatus all(For<QueryStatus> /*kind*/) {
  static_assert(std::is_empty_v<QueryStatus>);
  return {};
}
inline ClientError all(For<ClientError> /*kind*/) {
  ClientError sample{400, "interrupted"};
  [[maybe_unused]] const auto& [code, message] = sample;
  return sample;
}
inline ApprovalOptions all(For<ApprovalOptions> /*kind*/) {
  ApprovalOptions sample{tests::id(1), tests::id(4), 5, 10};
  [[maybe_unused]] const auto& [key, upload_id, seek, untar_max_members] = sample;
  return sample;
}
inline UploadApproved all(For<UploadApproved> /*kind*/) {
  UploadApproved sample{4, 1024, 64, all(For<ApprovalOptions>())};
  [[maybe_unused]] const auto& [credit, chunk_size, max_queue, options] = sample;
  return sample;
}
inline TransferCredit all(For<TransferCredit> /*kind*/) {
  TransferCredit sample{8};
  [[maybe_unused]] const auto& [amount] = sample;
  return sample;
}
inline StatusReport all(For<StatusReport> /*kind*/) {
  StatusReport sample{5, 12};
  [[maybe_unused]] const auto& [seek, credit] = sample;
  return sample;
}
inline Receipt all(For<Receipt> /*kind*/) {
  Receipt sample{tests::id(4), tests::digest_of(3), 11, "/data/a.txt", "2026-01-31T12:00:00Z"};
  [[maybe_unused]] const auto& [upload_id, sha256, size, destination, committed_at] = sample;
  return sample;
}
inline UploadFinished all(For<UploadFinished> /*kind*/) {
  UploadFinished sample{tests::id(4).hex(), all(For<Receipt>())};
  [[maybe_unused]] const auto& [upload_id, receipt] = sample;
  return sample;
}
inline ServerError all(For<ServerError> /*kind*/) {
  ServerError sample{409, "taken over", tests::id(1)};
  [[maybe_unused]] const auto& [code, message, key] = sample;
  return sample;
}

// Without what is optional. Messages that hold nothing optional are as before.
template <class Message>
Message least(For<Message> kind) {
  Message sample = all(kind);
  if constexpr (requires { sample.options; }) sample.options.reset();
  if constexpr (requires { sample.checksum; }) sample.checksum.reset();
  if constexpr (requires { sample.last; }) sample.last = false;
  if constexpr (requires { sample.receipt; }) sample.receipt.reset();
  if constexpr (requires { sample.key; }) sample.key.reset();
  return sample;
}

template <class... Kinds>
std::vector<std::variant<Kinds...>> full_of(For<std::variant<Kinds...>> /*message*/) {
  return {std::variant<Kinds...>(all(For<Kinds>()))...};
}
template <class... Kinds>
std::vector<std::variant<Kinds...>> bare_of(For<std::variant<Kinds...>> /*message*/) {
  return {std::variant<Kinds...>(least(For<Kinds>()))...};
}
template <class Message>
std::vector<Message> full() {
  return full_of(For<Message>());
}
template <class Message>
std::vector<Message> bare() {
  return bare_of(For<Message>());
}

template <class Message>
std::set<std::string> commands() {
  std::set<std::string> commands;
  for (const Message& sample : full<Message>()) commands.insert(encode(sample).frames[0]);
  return commands;
}

// Whether it is one of the enumeration's. A code that is added there must be added here.
inline bool is_code(Code code) {
  switch (code) {
    case Code::malformed:
    case Code::forbidden:
    case Code::unknown:
    case Code::timeout:
    case Code::conflict:
    case Code::too_large:
    case Code::refused:
    case Code::over_credit:
    case Code::internal:
    case Code::stopping:
    case Code::no_space:
      return true;
  }
  return false;
}

}  // namespace dync::wire::samples
