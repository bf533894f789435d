#include "proto/wire/messages.h"
#include "proto/wire/parse.h"

namespace dync::wire {
namespace {

constexpr std::uint32_t kLast = 1;  // bit 0 of post-chunk's flags

PostFileOptions post_file_options(Options options) {
  PostFileOptions read;
  read.key = options.required("key", options.id("key"));
  read.size = options.number("size", kMaxPosition);
  read.mtime_ns = options.signed_number("mtime_ns");
  read.check = options.boolean("check").value_or(false);
  read.replaces = options.id("replaces");
  return read;
}

PostFile post_file(Parse& parse) {
  parse.expect_frames(4, 5);
  if (parse.u32(1, "flags") != 0) parse.fail("post-file has unknown flags, they must be 0");
  PostFile read;
  read.filename = parse.text(2, "file name");
  read.metadata = parse.text(3, "metadata");
  if (parse.has(4)) read.options = post_file_options(parse.options(4));
  return read;
}

PostChunk post_chunk(Parse& parse) {
  parse.expect_frames(4, 5);
  const std::uint32_t flags = parse.u32(1, "flags");
  if ((flags & ~kLast) != 0) parse.fail("post-chunk has unknown flags, only bit 0 (last chunk) may be set");
  PostChunk read;
  read.last = (flags & kLast) != 0;
  read.seek = parse.u64(2, "seek");
  read.data = parse.bytes(3);
  if (read.seek > kMaxPosition || read.data.size() > kMaxPosition - read.seek) {
    parse.fail("post-chunk lies beyond 2^63 - 1 bytes, no file is that long");
  }
  if (!read.last && read.data.empty()) parse.fail("post-chunk is empty, only the last chunk may be");
  if (read.last && !parse.has(4))
    parse.fail("the last chunk has no checksum, send the file's SHA-256 with it");
  if (!read.last && parse.has(4)) parse.fail("post-chunk has a checksum, only the last chunk may have one");
  if (read.last) read.checksum = parse.sha256(4);
  return read;
}

QueryStatus query_status(Parse& parse) {
  parse.expect_frames(1, 1);
  return {};
}

ClientError client_error(Parse& parse) {
  parse.expect_frames(3, 3);
  return {parse.u32(1, "code"), parse.text(2, "message")};
}

}  // namespace

std::variant<ClientMessage, Refusal> decode_client(std::span<const FrameView> frames) {
  Parse parse(frames);
  const std::string_view command = parse.command();
  if (command == "post-file") return parse.result<ClientMessage>(post_file(parse));
  if (command == "post-chunk") return parse.result<ClientMessage>(post_chunk(parse));
  if (command == "query-status") return parse.result<ClientMessage>(query_status(parse));
  if (command == "error") return parse.result<ClientMessage>(client_error(parse));
  return Refusal{Code::malformed,
                 "unknown command, a client may send post-file, post-chunk, query-status and error"};
}

}  // namespace dync::wire
