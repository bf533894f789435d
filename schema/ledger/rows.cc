#include "schema/ledger/rows.h"

namespace dync::ledger {
namespace {

template <typename Value>
Value valid(std::optional<Value> value, const char* what) {
  if (!value) throw Error(std::string("the ledger holds an invalid ") + what);
  return *value;
}

template <typename Read>
auto optional_at(const Query& query, int column, Read read) -> std::optional<decltype(read())> {
  if (query.null(column)) return std::nullopt;
  return read();
}

std::optional<Digest> digest_at(const Query& query, int column) {
  return optional_at(query, column, [&] { return valid(digest::from_hex(query.text(column)), "SHA-256"); });
}

std::optional<std::string> text_at(const Query& query, int column) {
  return optional_at(query, column, [&] { return query.text(column); });
}

std::uint32_t word_at(const Query& query, int column) {
  return static_cast<std::uint32_t>(query.number(column));
}

Upload upload_from(const Query& query) {
  return {.upload_id = id_from(query, 0),
          .origin = query.text(1),
          .filename = query.text(2),
          .clean_name = query.text(3),
          .destination = query.text(4),
          .metadata = query.text(5),
          .untar = query.number(6) != 0,
          .size_declared = optional_at(query, 7, [&] { return query.size(7); }),
          .bytes_received = query.size(8),
          .sha256 = digest_at(query, 9),
          .state = state_from(query, 10),
          .error_code = optional_at(query, 11, [&] { return word_at(query, 11); }),
          .error = text_at(query, 12),
          .created_at = query.text(13),
          .updated_at = query.text(14),
          .finished_at = text_at(query, 15)};
}

Session session_from(const Query& query) {
  return {.routing_id = query.text(16),
          .key = optional_at(query, 17, [&] { return id_from(query, 17); }),
          .mtime_ns = optional_at(query, 18, [&] { return query.number(18); }),
          .first_chunk_seen = query.number(19) != 0,
          .chunk_size = word_at(query, 20),
          .max_queue = word_at(query, 21),
          .epoch = word_at(query, 22),
          .client_sha256 = digest_at(query, 23),
          .reserves = text_at(query, 24),
          .parked_seconds = optional_at(query, 25, [&] { return query.size(25); }),
          .durable_bytes = query.size(26),
          .mode = optional_at(query, 29, [&] { return word_at(query, 29); }),
          .group_id = optional_at(query, 30, [&] { return word_at(query, 30); }),
          .dropbox_staging = text_at(query, 31),
          .kept = query.number(27) != 0,
          .held = query.number(28) != 0};
}

}  // namespace

State state_from(const Query& query, int column) {
  return valid(state_from(query.text(column)), "state");
}

Id id_from(const Query& query, int column) {
  return valid(Id::from_hex(query.text(column)), "id");
}

Row row_from(const Query& query) {
  return {upload_from(query), session_from(query)};
}

Event event_from(const Query& query) {
  return {.seq = query.number(0),
          .upload_id = optional_at(query, 1, [&] { return id_from(query, 1); }),
          .at = query.text(2),
          .process = query.text(3),
          .event = query.text(4),
          .detail = query.text(5)};
}

Member member_from(const Query& query) {
  return {.path = query.text(0),
          .size = query.size(1),
          .sha256 = valid(digest::from_hex(query.text(2)), "SHA-256")};
}

Checkpoint checkpoint_from(const Query& query) {
  Checkpoint checkpoint{.epoch = word_at(query, 0), .state = {query.size(1), {}}};
  auto& words = checkpoint.state.words;
  const std::string bytes = query.text(2);
  if (bytes.size() != sizeof(words)) throw Error("the ledger holds an invalid checkpoint");
  for (std::size_t i = 0; i < bytes.size(); ++i)
    words[i / 4] = words[i / 4] << 8 | static_cast<unsigned char>(bytes[i]);
  return checkpoint;
}

std::string blob_of(const digest::Midstate& state) {
  std::string bytes;
  for (const std::uint32_t word : state.words)
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(word >> shift & 0xff));
  return bytes;
}

}  // namespace dync::ledger
