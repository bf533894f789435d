#include <nlohmann/json.hpp>

#include "proto/wire/messages.h"
#include "proto/wire/parse.h"
#include "proto/wire/utf8.h"

namespace dync::wire {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string integer(std::uint64_t value, unsigned width) {
  std::string frame;
  for (unsigned shift = 8 * width; shift > 0; shift -= 8) {
    frame.push_back(static_cast<char>((value >> (shift - 8)) & 0xff));
  }
  return frame;
}

std::string u32(std::uint32_t value) {
  return integer(value, 4);
}
std::string u64(std::uint64_t value) {
  return integer(value, 8);
}

std::string text(const OrderedJson& options) {
  return options.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

std::string frame(const PostFileOptions& options) {
  OrderedJson json{{"dync", kOptionsVersion}, {"key", options.key.hex()}};
  if (options.size) json["size"] = *options.size;
  if (options.mtime_ns) json["mtime_ns"] = *options.mtime_ns;
  if (options.check) json["check"] = true;
  if (options.replaces) json["replaces"] = options.replaces->hex();
  return text(json);
}

std::string frame(const ApprovalOptions& options) {
  return text(OrderedJson{{"dync", kOptionsVersion},
                          {"key", options.key.hex()},
                          {"upload_id", options.upload_id.hex()},
                          {"seek", options.seek},
                          {"untar_max_members", options.untar_max_members}});
}

std::string frame(const Receipt& receipt) {
  return text(OrderedJson{{"dync", kOptionsVersion},
                          {"upload_id", receipt.upload_id.hex()},
                          {"sha256", digest::to_hex(receipt.sha256)},
                          {"size", receipt.size},
                          {"destination", receipt.destination},
                          {"committed_at", receipt.committed_at}});
}

std::string frame(const Id& key) {
  return text(OrderedJson{{"dync", kOptionsVersion}, {"key", key.hex()}});
}

template <class Part>
Encoded with(std::vector<std::string> frames, const std::optional<Part>& ours) {
  if (ours) frames.push_back(frame(*ours));
  return {std::move(frames), {}, std::nullopt};
}

Encoded plain(std::vector<std::string> frames) {
  return {std::move(frames), {}, std::nullopt};
}

Encoded encode_one(const PostFile& message) {
  return with({"post-file", u32(0), message.filename, message.metadata}, message.options);
}

Encoded encode_one(const PostChunk& message) {
  Encoded encoded{{"post-chunk", u32(message.last ? 1 : 0), u64(message.seek), ""}, message.data, 3};
  if (message.checksum) {
    encoded.frames.emplace_back(reinterpret_cast<const char*>(message.checksum->data()),
                                message.checksum->size());
  }
  return encoded;
}

Encoded encode_one(const QueryStatus& /*message*/) {
  return plain({"query-status"});
}

Encoded encode_one(const ClientError& message) {
  return plain({"error", u32(message.code), to_utf8(message.message)});
}

Encoded encode_one(const UploadApproved& message) {
  return with({"upload-approved", u32(message.credit), u32(message.chunk_size), u32(message.max_queue)},
              message.options);
}

Encoded encode_one(const TransferCredit& message) {
  return plain({"transfer-credit", u32(message.amount)});
}

Encoded encode_one(const StatusReport& message) {
  return plain({"status-report", u64(message.seek), u32(message.credit)});
}

Encoded encode_one(const UploadFinished& message) {
  return with({"upload-finished", to_utf8(message.upload_id)}, message.receipt);
}

Encoded encode_one(const ServerError& message) {
  return with({"error", u32(message.code), to_utf8(message.message)}, message.key);
}

}  // namespace

Encoded encode(const ClientMessage& message) {
  return std::visit([](const auto& alternative) { return encode_one(alternative); }, message);
}

Encoded encode(const ServerMessage& message) {
  return std::visit([](const auto& alternative) { return encode_one(alternative); }, message);
}

}  // namespace dync::wire
