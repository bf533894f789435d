// What a client says: the bytes of the table in both directions, and each refusal.
#include <gtest/gtest.h>

#include "tests/unit/wire/frames.h"

namespace dync::wire::client_test {
namespace {

using tests::digest_of;
using tests::Frames;
using tests::id;

constexpr std::string_view kSha = "<abababababababababababababababababababababababababababababababab>";
constexpr std::string_view kKey = "000102030405060708090a0b0c0d0e0f";

ClientMessage good(const Frames& frames) {
  auto result = decode_client(frames.views());
  if (auto* refusal = std::get_if<Refusal>(&result)) {
    ADD_FAILURE() << refusal->sentence;
    return QueryStatus{};
  }
  return std::get<ClientMessage>(result);
}

// The sentence of a 400.
std::string refused(const Frames& frames) {
  auto result = decode_client(frames.views());
  const auto* refusal = std::get_if<Refusal>(&result);
  if (refusal == nullptr) return "(accepted)";
  EXPECT_EQ(refusal->code, Code::malformed);
  return refusal->sentence;
}

TEST(WireClient, PostFileOfAnOriginal) {
  const Frames frames{"post-file", "<00000000>", "m<c3bc>ll.pdf", R"({"a":1})"};
  const PostFile message{"m\xc3\xbcll.pdf", R"({"a":1})", std::nullopt};
  EXPECT_EQ(std::get<PostFile>(good(frames)), message);
  EXPECT_EQ(tests::on_the_wire(encode(ClientMessage(message))), frames.frames());
}

TEST(WireClient, PostFileOfOurs) {
  const Frames frames{"post-file", "<00000000>", "a", "{}",
                      R"({"dync":2,"key":"000102030405060708090a0b0c0d0e0f","size":1099511627776,)"
                      R"("mtime_ns":1700000000123456789,"check":true,)"
                      R"("replaces":"101112131415161718191a1b1c1d1e1f"})"};
  const PostFile message{"a", "{}", PostFileOptions{id(0), 1ULL << 40, 1700000000123456789, true, id(0x10)}};
  EXPECT_EQ(std::get<PostFile>(good(frames)), message);
  EXPECT_EQ(tests::on_the_wire(encode(ClientMessage(message))), frames.frames());
}

TEST(WireClient, PostFileOfAStream) {
  const Frames frames{"post-file", "<00000000>", "a", "{}",
                      R"({"dync":2,"key":"000102030405060708090a0b0c0d0e0f"})"};
  const PostFile message{"a", "{}", PostFileOptions{id(0), std::nullopt, std::nullopt, false, std::nullopt}};
  EXPECT_EQ(std::get<PostFile>(good(frames)), message);
  EXPECT_EQ(tests::on_the_wire(encode(ClientMessage(message))), frames.frames());
}

TEST(WireClient, PostChunkInTheMiddle) {
  const Frames frames{"post-chunk", "<00000000>", "<0000000100000002>", "<00>data<ff>"};
  const auto message = good(frames);
  const auto& chunk = std::get<PostChunk>(message);
  EXPECT_FALSE(chunk.last);
  EXPECT_EQ(chunk.seek, 0x100000002U);
  EXPECT_EQ(chunk.data.data(), frames.views()[3].data()) << "a view, not a copy";
  EXPECT_EQ(chunk.data.size(), 6U);
  EXPECT_FALSE(chunk.checksum);
  EXPECT_EQ(tests::on_the_wire(encode(message)), frames.frames());
}

TEST(WireClient, PostChunkLast) {
  const Frames frames{"post-chunk", "<00000001>", "<0000000000000005>", "tail", kSha};
  const auto message = good(frames);
  const auto& chunk = std::get<PostChunk>(message);
  EXPECT_TRUE(chunk.last);
  EXPECT_EQ(chunk.seek, 5U);
  EXPECT_EQ(chunk.data.size(), 4U);
  EXPECT_EQ(chunk.checksum, digest_of(0xab));
  EXPECT_EQ(tests::on_the_wire(encode(message)), frames.frames());
}

TEST(WireClient, PostChunkLastAndEmpty) {
  const Frames frames{"post-chunk", "<00000001>", "<0000000000000000>", "", kSha};
  const auto message = good(frames);
  EXPECT_TRUE(std::get<PostChunk>(message).data.empty());
  EXPECT_EQ(tests::on_the_wire(encode(message)), frames.frames());
}

TEST(WireClient, PostChunkUpToTheEndOfAllFiles) {
  const auto message = good({"post-chunk", "<00000000>", "<7ffffffffffffffe>", "x"});
  EXPECT_EQ(std::get<PostChunk>(message).seek, 0x7ffffffffffffffeU);
}

TEST(WireClient, QueryStatusAndError) {
  const Frames query{"query-status"};
  EXPECT_EQ(std::get<QueryStatus>(good(query)), QueryStatus{});
  EXPECT_EQ(tests::on_the_wire(encode(ClientMessage(QueryStatus{}))), query.frames());

  const Frames error{"error", "<00000198>", "gave up"};
  const ClientError message{408, "gave up"};
  EXPECT_EQ(std::get<ClientError>(good(error)), message);
  EXPECT_EQ(tests::on_the_wire(encode(ClientMessage(message))), error.frames());
}

TEST(WireClient, UnknownCommands) {
  const std::string sentence =
      "unknown command, a client may send post-file, post-chunk, query-status and error";
  EXPECT_EQ(refused({}), sentence);
  EXPECT_EQ(refused({""}), sentence);
  EXPECT_EQ(refused({"POST-FILE", "<00000000>", "a", "{}"}), sentence);
  EXPECT_EQ(refused({"post-file<00>", "<00000000>", "a", "{}"}), sentence);
  EXPECT_EQ(refused({"upload-approved", "<00000000>", "<00000000>", "<00000000>"}), sentence);
}

TEST(WireClient, WrongNumbersOfFrames) {
  EXPECT_EQ(refused({"post-file"}), "post-file has 1 frames, it must have 4 or 5");
  EXPECT_EQ(refused({"post-file", "<00000000>", "a", "{}", "{}", "{}"}),
            "post-file has 6 frames, it must have 4 or 5");
  EXPECT_EQ(refused({"post-chunk", "<00000000>", "<0000000000000000>"}),
            "post-chunk has 3 frames, it must have 4 or 5");
  EXPECT_EQ(refused({"query-status", ""}), "query-status has 2 frames, it must have 1");
  EXPECT_EQ(refused({"error", "<00000000>"}), "error has 2 frames, it must have 3");
  std::vector<std::string> many(1000);
  for (const char* command : {"post-file", "post-chunk", "query-status", "error"}) {
    many[0] = command;
    EXPECT_NE(refused(Frames(many)).find("has 1000 frames"), std::string::npos) << command;
  }
}

TEST(WireClient, IntegersOfAnotherWidth) {
  EXPECT_EQ(refused({"post-file", "<000000>", "a", "{}"}),
            "post-file has 3 bytes of flags, it must be an integer of 4 bytes, big-endian");
  EXPECT_EQ(refused({"post-file", "", "a", "{}"}),
            "post-file has 0 bytes of flags, it must be an integer of 4 bytes, big-endian");
  EXPECT_EQ(refused({"post-chunk", "<0000000000000000>", "<0000000000000000>", "x"}),
            "post-chunk has 8 bytes of flags, it must be an integer of 4 bytes, big-endian");
  EXPECT_EQ(refused({"post-chunk", "<00000000>", "<00000000>", "x"}),
            "post-chunk has 4 bytes of seek, it must be an integer of 8 bytes, big-endian");
  EXPECT_EQ(refused({"error", "500", "x"}),
            "error has 3 bytes of code, it must be an integer of 4 bytes, big-endian");
}

TEST(WireClient, UnknownFlags) {
  EXPECT_EQ(refused({"post-file", "<00000001>", "a", "{}"}), "post-file has unknown flags, they must be 0");
  EXPECT_EQ(refused({"post-chunk", "<00000002>", "<0000000000000000>", "x"}),
            "post-chunk has unknown flags, only bit 0 (last chunk) may be set");
  EXPECT_EQ(refused({"post-chunk", "<01000000>", "<0000000000000000>", "x"}),
            "post-chunk has unknown flags, only bit 0 (last chunk) may be set");
}

TEST(WireClient, TextThatIsNoUtf8) {
  EXPECT_EQ(refused({"post-file", "<00000000>", "a<ff>", "{}"}),
            "the file name of post-file is not valid UTF-8");
  EXPECT_EQ(refused({"post-file", "<00000000>", "a", R"({"a":"<c3>"})"}),
            "the metadata of post-file is not valid UTF-8");
  EXPECT_EQ(refused({"error", "<00000000>", "<eda080>"}), "the message of error is not valid UTF-8");
}

TEST(WireClient, PositionsBeyondEveryFile) {
  const std::string sentence = "post-chunk lies beyond 2^63 - 1 bytes, no file is that long";
  EXPECT_EQ(refused({"post-chunk", "<00000000>", "<8000000000000000>", "x"}), sentence);
  EXPECT_EQ(refused({"post-chunk", "<00000000>", "<ffffffffffffffff>", "x"}), sentence);
  EXPECT_EQ(refused({"post-chunk", "<00000000>", "<7fffffffffffffff>", "x"}), sentence);
}

TEST(WireClient, ChunksThatAreNone) {
  EXPECT_EQ(refused({"post-chunk", "<00000000>", "<0000000000000000>", ""}),
            "post-chunk is empty, only the last chunk may be");
  EXPECT_EQ(refused({"post-chunk", "<00000001>", "<0000000000000000>", "x"}),
            "the last chunk has no checksum, send the file's SHA-256 with it");
  EXPECT_EQ(refused({"post-chunk", "<00000001>", "<0000000000000000>", "x", "abcd"}),
            "the checksum of the last chunk has 4 bytes, it must be the 32 raw bytes of the file's SHA-256");
  EXPECT_EQ(refused({"post-chunk", "<00000000>", "<0000000000000000>", "x", kSha}),
            "post-chunk has a checksum, only the last chunk may have one");
}

std::string refused_options(const std::string& options) {
  return refused(Frames(std::vector<std::string>{"post-file", std::string(4, '\0'), "a", "{}", options}));
}

std::string with_key(const std::string& rest) {
  return R"({"dync":2,"key":")" + std::string(kKey) + "\"" + rest + "}";
}

TEST(WireClient, OptionsThatAreNoObject) {
  EXPECT_EQ(refused_options(""),
            "the options of post-file are no JSON: it breaks off or goes wrong at byte 1");
  EXPECT_EQ(refused_options("[]"), "the options of post-file are no JSON object");
  EXPECT_EQ(refused_options("2"), "the options of post-file are no JSON object");
  for (const char* broken :
       {"{", "{\"dync\":2", "{\"dync\":NaN}", "{\"a\":1e999}", "{} {}", "{\"a\":\"\xff\"}"}) {
    EXPECT_NE(refused_options(broken).find("are no JSON: it breaks off or goes wrong at byte"),
              std::string::npos)
        << broken << ": " << refused_options(broken);
  }
  EXPECT_EQ(refused_options(std::string(16385, ' ')), "the options of post-file are longer than 16384 bytes");
  EXPECT_NE(refused_options(std::string(16000, '[')), "(accepted)");
  EXPECT_NE(refused_options("{\"a\":" + std::string(16000, '[')), "(accepted)");
}

TEST(WireClient, OptionsOfAnotherVersion) {
  EXPECT_EQ(refused_options("{}"), "the options of post-file lack \"dync\"");
  EXPECT_EQ(refused_options(R"({"dync":3})"),
            "the options of post-file have a version under \"dync\" that is not 2");
  EXPECT_EQ(refused_options(R"({"dync":"2"})"),
            "the options of post-file need an integer from 0 to 18446744073709551615 as \"dync\"");
}

TEST(WireClient, OptionsWithAKeyTwice) {
  EXPECT_EQ(refused_options(with_key(R"(,"key":"x")")), "the options of post-file give \"key\" twice");
  EXPECT_EQ(refused_options(with_key(R"(,"new":1,"new":1)")), "the options of post-file give \"new\" twice");
  EXPECT_EQ(refused_options(with_key(R"(,"new":[],"new":{})")),
            "the options of post-file give \"new\" twice");
  const std::string strange = "\"\\n" + std::string(5000, 'x') + "\":1";
  EXPECT_EQ(refused_options(with_key("," + strange + "," + strange)),
            "the options of post-file give a key twice");
}

TEST(WireClient, OptionsWithWrongKeys) {
  EXPECT_EQ(refused_options(R"({"dync":2})"), "the options of post-file lack \"key\"");
  const std::string sentence =
      "the options of post-file need 32 lower-case hex digits, not all zero, as \"key\"";
  EXPECT_EQ(refused_options(R"({"dync":2,"key":""})"), sentence);
  EXPECT_EQ(refused_options(R"({"dync":2,"key":"000102030405060708090a0b0c0d0e0"})"), sentence);
  EXPECT_EQ(refused_options(R"({"dync":2,"key":"000102030405060708090a0b0c0d0e0g"})"), sentence);
  EXPECT_EQ(refused_options(R"({"dync":2,"key":"000102030405060708090A0B0C0D0E0F"})"), sentence);
  EXPECT_EQ(refused_options(R"({"dync":2,"key":"00000000000000000000000000000000"})"), sentence);
  EXPECT_EQ(refused_options(R"({"dync":2,"key":7})"), "the options of post-file need a text as \"key\"");
  EXPECT_EQ(refused_options(with_key(R"(,"replaces":"no")")),
            "the options of post-file need 32 lower-case hex digits, not all zero, as \"replaces\"");
  EXPECT_EQ(refused_options(with_key(R"(,"replaces":null)")),
            "the options of post-file need a text as \"replaces\"");
}

TEST(WireClient, OptionsWithWrongNumbers) {
  for (const char* size : {"-1", "1.0", "1e3", "\"1\"", "9223372036854775808", "null", "[]", "true"}) {
    EXPECT_EQ(refused_options(with_key(std::string(",\"size\":") + size)),
              "the options of post-file need an integer from 0 to 9223372036854775807 as \"size\"")
        << size;
  }
  for (const char* mtime : {"1.5", "\"1\"", "9223372036854775808", "null", "false"}) {
    EXPECT_EQ(refused_options(with_key(std::string(",\"mtime_ns\":") + mtime)),
              "the options of post-file need an integer of 64 bits with sign as \"mtime_ns\"")
        << mtime;
  }
  EXPECT_EQ(refused_options(with_key(R"(,"check":1)")),
            "the options of post-file need true or false as \"check\"");
}

TEST(WireClient, OptionsBeforeTheEpochAndUnknownOnesAreFine) {
  const std::string options =
      with_key(R"(,"mtime_ns":-5,"later":{"key":1,"key":[{"size":-1}]},"more":[1,{"dync":3}],"x":null)");
  const auto message =
      good(Frames(std::vector<std::string>{"post-file", std::string(4, '\0'), "a", "{}", options}));
  const auto& read = std::get<PostFile>(message).options;
  ASSERT_TRUE(read);
  EXPECT_EQ(read->key, id(0));
  EXPECT_EQ(read->mtime_ns, -5);
  EXPECT_FALSE(read->size);
}

// What a library above might let through: the first fault of several is the one that is told.
TEST(WireClient, TheFirstFaultIsTold) {
  EXPECT_EQ(refused({"post-file", "<00>", "<ff>", "<ff>", "[]"}),
            "post-file has 1 bytes of flags, it must be an integer of 4 bytes, big-endian");
}

}  // namespace
}  // namespace dync::wire::client_test
