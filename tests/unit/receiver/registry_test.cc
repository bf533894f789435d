#include "receiver/registry.h"

#include <gtest/gtest.h>

#include "schema/limits/limits.h"

namespace dync::receiver {
namespace {

using namespace std::chrono_literals;
const SessionTerms kTerms{1024 * 1024, 256 * 1024, 64, 3600s};

class RegistryTest : public testing::Test {
 protected:
  Session& add(const std::string& routing_id) {
    Session& session = registry_.add(std::make_unique<Session>(routing_id, "lab1", kTerms, book_, now_));
    session.on_message(wire::PostFile{"a", "{}", {}}, now_);
    registry_.update(session, now_);
    return session;
  }
  void end(Session& session) {
    session.on_refused({wire::Code::refused, "no dropbox"});
    registry_.update(session, now_);
  }
  CreditBook book_{1 << 30};
  Registry registry_;
  Time now_ = Time(1h);
};

TEST_F(RegistryTest, FindsByRoutingIdUploadAndMember) {
  Session& session = add("r1");
  const auto upload = *Id::from_hex("00112233445566778899aabbccddeeff");
  session.on_opened(ipc::Opened{1, upload, 0, 0, 0}, now_);
  registry_.update(session, now_);
  EXPECT_EQ(registry_.find("r1"), &session);
  EXPECT_EQ(registry_.of_upload(upload), &session);
  EXPECT_EQ(registry_.of_member(*session.member()), &session);
  const auto member = *session.member();
  session.on_failed({wire::Code::refused, "no"});
  registry_.update(session, now_);
  EXPECT_EQ(registry_.of_member(member), nullptr);
  EXPECT_EQ(registry_.of_upload(upload), &session) << "kept, for the repeated answer";
}

TEST_F(RegistryTest, FindsTheOtherSessionOfAKeyWhileItIsLive) {
  const auto key = *Id::from_hex("0123456789abcdef0123456789abcdef");
  const auto post = [&](const std::string& routing_id, const std::string& user) -> Session& {
    Session& session = registry_.add(std::make_unique<Session>(routing_id, user, kTerms, book_, now_));
    session.on_message(wire::PostFile{"a", "{}", wire::PostFileOptions{key, {}, {}, false, {}}}, now_);
    registry_.update(session, now_);
    return session;
  };
  Session& first = post("r1", "lab1");
  EXPECT_EQ(registry_.of_key("lab1", key, &first), nullptr);
  EXPECT_EQ(registry_.of_key("lab2", key, nullptr), nullptr) << "a key is its user's";
  Session& second = post("r2", "lab1");
  EXPECT_EQ(registry_.of_key("lab1", key, &second), &first);
  end(first);
  EXPECT_EQ(registry_.of_key("lab1", key, &second), nullptr);
  EXPECT_EQ(registry_.of_key("lab1", key, nullptr), &second);
}

TEST_F(RegistryTest, FindsAnOriginalByNameOnceItIsApproved) {
  Session& session = add("r1");
  EXPECT_EQ(registry_.of_original("lab1", "a"), nullptr) << "asked for only";
  session.on_opened(ipc::Opened{1, *Id::from_hex("00112233445566778899aabbccddeeff"), 0, 0, 0}, now_);
  registry_.update(session, now_);
  EXPECT_EQ(registry_.of_original("lab1", "a"), &session);
  EXPECT_EQ(registry_.of_original("lab2", "a"), nullptr);
  EXPECT_EQ(registry_.of_original("lab1", "b"), nullptr);
}

TEST_F(RegistryTest, ForgetsAnEndedSessionAfterAWhileAndALiveOneNever) {
  add("live");
  end(add("ended"));
  now_ += limits::kAnswerKept - 1s;
  registry_.expire(now_);
  EXPECT_NE(registry_.find("ended"), nullptr);
  now_ += 1s;
  registry_.expire(now_);
  EXPECT_EQ(registry_.find("ended"), nullptr);
  EXPECT_NE(registry_.find("live"), nullptr);
}

TEST_F(RegistryTest, ASessionThatBeganAgainIsKept) {
  Session& session = add("again");
  end(session);
  session.on_message(wire::PostFile{"b", "{}", {}}, now_);
  registry_.update(session, now_);
  now_ += 2 * limits::kAnswerKept;
  registry_.expire(now_);
  EXPECT_EQ(registry_.find("again"), &session);
  end(session);
  registry_.expire(now_);
  EXPECT_EQ(registry_.find("again"), &session) << "its time counts from the second end";
}

TEST_F(RegistryTest, KeepsABoundedNumberOfEndedOnes) {
  for (std::size_t i = 0; i < limits::kAnswersKept + 50; ++i) end(add(std::to_string(i)));
  registry_.expire(now_);
  EXPECT_EQ(registry_.size(), limits::kAnswersKept);
  EXPECT_EQ(registry_.find("0"), nullptr) << "the oldest go first";
}

}  // namespace
}  // namespace dync::receiver
