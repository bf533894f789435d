// Mutated messages: what comes back is a message that encodes and decodes to itself, or a 400 with a
// sentence.
#include <gtest/gtest.h>
#include <random>

#include "proto/wire/utf8.h"
#include "tests/unit/wire/frames.h"

namespace dync::wire::random_test {
namespace {

using Many = std::vector<std::string>;

std::vector<Many> seeds() {
  using tests::digest_of;
  using tests::id;
  const std::string data = "some bytes";
  PostChunk chunk;
  chunk.seek = 77;
  chunk.data = std::as_bytes(std::span(data));
  PostChunk last = chunk;
  last.last = true;
  last.checksum = digest_of(7);
  const std::vector<ClientMessage> client{
      PostFile{"name.pdf", R"({"a":[1,2,"x"]})", std::nullopt},
      PostFile{"n\xc3\xbc", "{}", PostFileOptions{id(1), 5, -6, true, id(7)}},
      chunk,
      last,
      QueryStatus{},
      ClientError{408, "silence"}};
  const std::vector<ServerMessage> server{
      UploadApproved{1, 2, 3, ApprovalOptions{id(1), id(2), 3, 4}}, TransferCredit{1}, StatusReport{1, 2},
      UploadFinished{"id", Receipt{id(1), digest_of(2), 3, "/x/y", "2026"}}, ServerError{500, "oh", id(3)}};
  std::vector<Many> all;
  for (const auto& message : client) all.push_back(tests::on_the_wire(encode(message)));
  for (const auto& message : server) all.push_back(tests::on_the_wire(encode(message)));
  return all;
}

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  void change(Many& frames) {
    for (std::size_t times = pick(4); times > 0; --times) change_once(frames);
  }

  std::size_t pick(std::size_t below) { return below == 0 ? 0 : random_() % below; }

 private:
  void change_once(Many& frames) {
    const std::size_t at = pick(frames.size());
    switch (pick(6)) {
      case 0:
        frames.insert(frames.begin() + static_cast<std::ptrdiff_t>(at), "{}");
        break;
      case 1:
        if (!frames.empty()) frames.erase(frames.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      default:
        if (!frames.empty()) change_bytes(frames[at]);
    }
  }

  void change_bytes(std::string& frame) {
    static constexpr std::string_view kLikely = "{}[]\":,0123456789-.eE\\u\xc3\xff\0tfn ";
    const std::size_t at = pick(frame.size());
    const char byte = pick(2) == 0 ? static_cast<char>(random_()) : kLikely[pick(kLikely.size())];
    switch (pick(4)) {
      case 0:
        frame.insert(at, 1, byte);
        break;
      case 1:
        frame.resize(at);
        break;
      case 2:
        frame.insert(at, frame.substr(pick(frame.size())));
        break;
      default:
        if (!frame.empty()) frame[at] = byte;
    }
  }

  std::mt19937_64 random_;
};

template <class Message>
bool check(const std::variant<Message, Refusal>& result,
           std::variant<Message, Refusal> (*decode)(std::span<const FrameView>)) {
  if (const auto* refusal = std::get_if<Refusal>(&result)) {
    EXPECT_EQ(refusal->code, Code::malformed);
    EXPECT_FALSE(refusal->sentence.empty());
    EXPECT_TRUE(valid_utf8(refusal->sentence)) << "it is sent to the peer";
    EXPECT_LT(refusal->sentence.size(), 200U) << refusal->sentence;
    return false;
  }
  const Many again = tests::on_the_wire(encode(std::get<Message>(result)));
  const tests::Frames wrapped(again);
  const auto second = decode(wrapped.views());
  EXPECT_TRUE(std::holds_alternative<Message>(second));
  if (!std::holds_alternative<Message>(second)) return false;
  EXPECT_EQ(tests::on_the_wire(encode(std::get<Message>(second))), again);
  return true;
}

TEST(WireRandom, MutatedMessagesAreReadOrRefused) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Mutator mutator(seed);
  const auto all = seeds();
  std::size_t accepted = 0;
  for (int round = 0; round < 60'000 && !testing::Test::HasFailure(); ++round) {
    Many frames = all[mutator.pick(all.size())];
    mutator.change(frames);
    const tests::Frames wrapped(frames);
    accepted += check<ClientMessage>(decode_client(wrapped.views()), &decode_client);
    accepted += check<ServerMessage>(decode_server(wrapped.views()), &decode_server);
  }
  EXPECT_GT(accepted, 1000U);
}

}  // namespace
}  // namespace dync::wire::random_test
