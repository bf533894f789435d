#include <future>
#include <gtest/gtest.h>

#include "tests/unit/transport/await.h"

namespace dync::transport {
namespace {

TEST(Frame, OwnsItsBytes) {
  Frame empty;
  EXPECT_EQ(empty.bytes().size(), 0U);
  Frame text(std::string_view("text"));
  EXPECT_EQ(text.text(), "text");
  Frame sized(std::size_t{100'000});
  EXPECT_EQ(sized.bytes().size(), 100'000U);
  sized.bytes()[99'999] = std::byte{7};
  Frame moved = std::move(sized);
  EXPECT_EQ(moved.bytes()[99'999], std::byte{7});
  moved = Frame(std::string_view("other"));
  EXPECT_EQ(moved.text(), "other");
  EXPECT_FALSE(moved.property("User-Id"));
}

// Bytes with an owner, and the moment when that one is let go.
struct Owned {
  explicit Owned(std::string content) : text(std::move(content)) {}
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { released.set_value(); }
  std::string text;
  std::promise<void> released;
};

Frame frame_of(const std::shared_ptr<Owned>& owned) {
  return {std::as_bytes(std::span(owned->text)), owned};
}

TEST(Frame, LetsGoOfItsOwnerWithoutBeingSent) {
  auto owned = std::make_shared<Owned>("kept");
  auto released = owned->released.get_future();
  {
    const Frame frame = frame_of(owned);
    owned.reset();
    EXPECT_EQ(frame.text(), "kept");
    EXPECT_EQ(released.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  }
  EXPECT_EQ(released.wait_for(std::chrono::seconds(0)), std::future_status::ready);
}

TEST(Frame, LetsGoOfItsOwnerAfterBeingSent) {
  Context context;
  Socket server(context, Type::router, {});
  Socket client(context, Type::dealer, {});
  client.connect(server.bind("tcp://127.0.0.1:*"));
  auto owned = std::make_shared<Owned>(std::string(1'000'000, 'x'));
  auto released = owned->released.get_future();
  Message message;
  message.push_back(frame_of(owned));
  owned.reset();
  ASSERT_EQ(client.send(message), Sent::done);
  EXPECT_EQ(await(server).at(1), std::string(1'000'000, 'x'));
  EXPECT_EQ(released.wait_for(kDeadline), std::future_status::ready);
}

TEST(Frame, KeepsItsOwnerWhenTheSendIsRefused) {
  Context context;
  Options options;
  options.immediate = true;
  Socket nobody(context, Type::dealer, options);
  auto owned = std::make_shared<Owned>("kept");
  Message message = message_of({"first"});
  message.push_back(frame_of(owned));
  ASSERT_EQ(nobody.send(message), Sent::full);
  EXPECT_EQ(message.at(0).text(), "first");
  EXPECT_EQ(message.at(1).text(), "kept");
}

}  // namespace
}  // namespace dync::transport
