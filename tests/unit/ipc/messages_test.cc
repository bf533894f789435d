#include "proto/ipc/messages.h"

#include <gtest/gtest.h>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/ipc/samples.h"

namespace dync::ipc {
namespace {

template <std::size_t... I>
std::vector<Message> all_samples(std::index_sequence<I...> /*alternatives*/) {
  return {Message(samples::sample(std::type_identity<std::variant_alternative_t<I, Message>>{}))...};
}

std::vector<Message> all_samples() {
  return all_samples(std::make_index_sequence<std::variant_size_v<Message>>{});
}

constexpr std::size_t kHead = kProtocol.size() + 1;

TEST(IpcMessages, EachTypeComesBackAsItWas) {
  for (const Message& message : all_samples()) {
    const auto back = decode(encode(message));
    ASSERT_TRUE(back) << "alternative " << message.index();
    EXPECT_EQ(*back, message) << "alternative " << message.index();
  }
}

TEST(IpcMessages, AbsentOptionalsStayAbsent) {
  const Message open = Open{1, "u", "r", "f", "{}", std::nullopt, 2, 3};
  EXPECT_EQ(decode(encode(open)), open);
  wire::PostFileOptions stream;
  stream.key = samples::id(1);
  const Message bare = Open{1, "u", "r", "f", "{}", stream, 2, 3};
  EXPECT_EQ(decode(encode(bare)), bare);
  const Message event = Event{std::nullopt, "started", "{}"};
  EXPECT_EQ(decode(encode(event)), event);
  Restore restore = samples::sample(std::type_identity<Restore>{});
  restore.client_sha256.reset();
  EXPECT_EQ(decode(encode(restore)), Message(restore));
}

TEST(IpcMessages, TypesAreToldApart) {
  std::set<char> types;
  for (const Message& message : all_samples()) types.insert(encode(message).at(kHead - 1));
  EXPECT_EQ(types.size(), std::variant_size_v<Message>);
}

// The bytes are a promise to processes of the same protocol version.
TEST(IpcMessages, BytesOfAChunkHint) {
  const Chunk chunk{samples::id(0), 2, 3, 4, 5, 6};
  const std::string bytes(
      "dync-ipc/1\x41"
      "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
      "\0\0\0\2"
      "\0\0\0\0\0\0\0\3"
      "\0\0\0\4"
      "\0\0\0\5"
      "\0\0\0\0\0\0\0\6",
      55);
  EXPECT_EQ(encode(chunk), bytes);
}

TEST(IpcMessages, BytesOfAText) {
  EXPECT_EQ(encode(Ready{"ab"}), std::string("dync-ipc/1\xa1\0\0\0\2ab", 17));
}

TEST(IpcMessages, AnotherProtocolOrVersionIsNone) {
  const std::string good = encode(Alive{});
  ASSERT_TRUE(decode(good));
  for (std::size_t at = 0; at < kProtocol.size(); ++at) {
    std::string other = good;
    other[at] = static_cast<char>(other[at] ^ 1);
    EXPECT_FALSE(decode(other)) << "byte " << at;
  }
  EXPECT_FALSE(decode("dync-ipc/2\xa2"));
  EXPECT_FALSE(decode(""));
  EXPECT_FALSE(decode("dync-ipc/1"));
}

TEST(IpcMessages, UnknownTypeIsNone) {
  std::set<unsigned char> known;
  for (const Message& message : all_samples()) {
    known.insert(static_cast<unsigned char>(encode(message).at(kHead - 1)));
  }
  for (unsigned type = 0; type < 256; ++type) {
    if (known.contains(static_cast<unsigned char>(type))) continue;
    EXPECT_FALSE(decode(std::string(kProtocol) + static_cast<char>(type))) << type;
  }
}

TEST(IpcMessages, TruncatedOrPaddedIsNone) {
  for (const Message& message : all_samples()) {
    const std::string bytes = encode(message);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_FALSE(decode(bytes.substr(0, length))) << message.index() << " cut to " << length;
    }
    EXPECT_FALSE(decode(bytes + '\0')) << message.index();
  }
}

TEST(IpcMessages, ATextLongerThanTheMessageIsNone) {
  std::string bytes = encode(Ready{"tcp"});
  bytes[kHead] = '\xff';
  EXPECT_FALSE(decode(bytes));
}

TEST(IpcMessages, ABoolIsZeroOrOne) {
  std::string bytes = encode(Event{std::nullopt, "e", "{}"});
  bytes[kHead] = '\2';
  EXPECT_FALSE(decode(bytes));
}

// Whatever comes is a message that encodes to the same bytes, or none.
TEST(IpcMessages, RandomBytesAreAMessageOrNone) {
  const auto seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto samples = all_samples();
  std::size_t accepted = 0;
  for (int round = 0; round < 100'000; ++round) {
    std::string bytes = encode(samples[random() % samples.size()]);
    for (unsigned flips = random() % 4; flips > 0; --flips) {
      bytes[kProtocol.size() + random() % (bytes.size() - kProtocol.size())] = static_cast<char>(random());
    }
    if (random() % 4 == 0) bytes.resize(random() % (bytes.size() + 8));
    const auto message = decode(bytes);
    if (!message) continue;
    ++accepted;
    ASSERT_EQ(encode(*message), bytes);
  }
  EXPECT_GT(accepted, 1000U);
}

}  // namespace
}  // namespace dync::ipc
