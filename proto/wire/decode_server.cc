#include "proto/wire/messages.h"
#include "proto/wire/parse.h"

// Frames beyond the known ones are a later server's and are ignored, so only the least number is asked for.
namespace dync::wire {
namespace {

constexpr std::size_t kAny = Parse::kAnyNumber;

ApprovalOptions approval_options(Options options) {
  ApprovalOptions read;
  read.key = options.required("key", options.id("key"));
  read.upload_id = options.required("upload_id", options.id_or_zero("upload_id"));
  read.seek = options.required("seek", options.number("seek", kMaxPosition));
  read.untar_max_members = static_cast<std::uint32_t>(
      options.required("untar_max_members", options.number("untar_max_members", UINT32_MAX)));
  return read;
}

UploadApproved upload_approved(Parse& parse) {
  parse.expect_frames(4, kAny);
  UploadApproved read;
  read.credit = parse.u32(1, "credit");
  read.chunk_size = parse.u32(2, "chunksize");
  read.max_queue = parse.u32(3, "maxqueue");
  if (parse.has(4)) read.options = approval_options(parse.options(4));
  return read;
}

TransferCredit transfer_credit(Parse& parse) {
  parse.expect_frames(2, kAny);
  return {parse.u32(1, "amount")};
}

StatusReport status_report(Parse& parse) {
  parse.expect_frames(3, kAny);
  const StatusReport read{parse.u64(1, "seek"), parse.u32(2, "credit")};
  if (read.seek > kMaxPosition) parse.fail("status-report lies beyond 2^63 - 1 bytes, no file is that long");
  return read;
}

Receipt receipt(Options options) {
  Receipt read;
  read.upload_id = options.required("upload_id", options.id("upload_id"));
  read.sha256 = options.required("sha256", options.sha256("sha256"));
  read.size = options.required("size", options.number("size", kMaxPosition));
  read.destination = options.required("destination", options.text("destination"));
  read.committed_at = options.required("committed_at", options.text("committed_at"));
  return read;
}

UploadFinished upload_finished(Parse& parse) {
  parse.expect_frames(2, kAny);
  UploadFinished read;
  read.upload_id = parse.text(1, "upload_id");
  if (parse.has(2)) read.receipt = receipt(parse.options(2));
  return read;
}

ServerError server_error(Parse& parse) {
  parse.expect_frames(3, kAny);
  ServerError read;
  read.code = parse.u32(1, "code");
  read.message = parse.text(2, "message");
  if (parse.has(3)) {
    Options options = parse.options(3);
    read.key = options.required("key", options.id("key"));
  }
  return read;
}

}  // namespace

std::variant<ServerMessage, Refusal> decode_server(std::span<const FrameView> frames) {
  Parse parse(frames);
  const std::string_view command = parse.command();
  if (command == "upload-approved") return parse.result<ServerMessage>(upload_approved(parse));
  if (command == "transfer-credit") return parse.result<ServerMessage>(transfer_credit(parse));
  if (command == "status-report") return parse.result<ServerMessage>(status_report(parse));
  if (command == "upload-finished") return parse.result<ServerMessage>(upload_finished(parse));
  if (command == "error") return parse.result<ServerMessage>(server_error(parse));
  return Refusal{Code::malformed, "the server sent an unknown command"};
}

}  // namespace dync::wire
