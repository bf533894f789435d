#include "tests/unit/session_pair/network.h"

// Messages in a trace.
namespace dync::pair {
namespace {

std::string text(const wire::PostFile& message) {
  return "post-file " + message.filename +
         (message.options ? " " + message.options->key.hex().substr(0, 4) : "");
}
std::string text(const wire::PostChunk& message) {
  return "post-chunk " + std::to_string(message.seek) + " +" + std::to_string(message.data.size()) +
         (message.last ? " last" : "");
}
std::string text(const wire::QueryStatus& /*message*/) {
  return "query-status";
}
std::string text(const wire::ClientError& message) {
  return "error " + std::to_string(message.code) + " " + message.message;
}
std::string text(const wire::UploadApproved& message) {
  return "upload-approved credit " + std::to_string(message.credit) + " chunksize " +
         std::to_string(message.chunk_size) + " maxqueue " + std::to_string(message.max_queue) +
         (message.options ? " seek " + std::to_string(message.options->seek) : "");
}
std::string text(const wire::TransferCredit& message) {
  return "transfer-credit " + std::to_string(message.amount);
}
std::string text(const wire::StatusReport& message) {
  return "status-report " + std::to_string(message.seek) + " credit " + std::to_string(message.credit);
}
std::string text(const wire::UploadFinished& message) {
  return "upload-finished " + message.upload_id;
}
std::string text(const wire::ServerError& message) {
  return "error " + std::to_string(message.code) + " " + message.message;
}

}  // namespace

std::string text_of(const wire::ClientMessage& message) {
  return std::visit([](const auto& each) { return text(each); }, message);
}
std::string text_of(const wire::ServerMessage& message) {
  return std::visit([](const auto& each) { return text(each); }, message);
}

}  // namespace dync::pair
