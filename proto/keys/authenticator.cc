#include "proto/keys/authenticator.h"

#include <array>
#include <string>
#include <utility>

// ZAP 1.0 (ZeroMQ RFC 27): what follows the envelope that the REP socket takes off and puts back.
//   request: version, request id, domain, address, identity, mechanism, credentials…
//   reply:   version, request id, status code, status text, user id, metadata
namespace dync::keys {
namespace {

using transport::Frame;
using transport::Message;

constexpr char kEndpoint[] = "inproc://zeromq.zap.01";
constexpr std::string_view kVersion = "1.0";
constexpr int kAtOnce = 256;  // then the caller's other sockets get their turn

constexpr std::size_t kRequestId = 1;
constexpr std::size_t kAddress = 3;
constexpr std::size_t kMechanism = 5;
constexpr std::size_t kClientKey = 6;

struct Answer {
  std::string code, text, user_id, metadata;
};

std::string text_at(const Message& request, std::size_t at) {
  return at < request.size() ? std::string(request[at].text()) : std::string();
}

// A property as ZMTP 3.0 has it: name with a length of one byte, value with one of four.
std::string property(std::string_view name, std::string_view value) {
  std::string bytes(1, static_cast<char>(name.size()));
  bytes.append(name);
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    bytes += static_cast<char>((value.size() >> (shift - 8)) & 0xff);
  }
  return bytes.append(value);
}

// The client's key in Z85, or nothing if this is no request for CURVE.
std::optional<std::string> client_key(const Message& request) {
  std::array<std::byte, 32> key{};
  if (request.size() != kClientKey + 1 || request[0].text() != kVersion) return std::nullopt;
  if (request[kMechanism].text() != "CURVE" || request[kClientKey].bytes().size() != key.size()) {
    return std::nullopt;
  }
  const auto bytes = request[kClientKey].bytes();
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return transport::z85_encode(key);
}

Authenticator::Decision decide(const Message& request, const KeyRing& ring) {
  Authenticator::Decision decision{false, client_key(request).value_or(""), "", text_at(request, kAddress)};
  if (const auto user = ring.user_of(decision.public_key)) {
    decision.allowed = true;
    decision.user_id = *user;
  }
  return decision;
}

Answer answer_to(const Authenticator::Decision& decision) {
  if (decision.allowed) {
    return {"200", "OK", decision.user_id, property(Authenticator::kKeyProperty, decision.public_key)};
  }
  if (decision.public_key.empty()) return {"500", "only CURVE by ZAP 1.0 is served", "", ""};
  return {"400", "this key is not listed", "", ""};
}

Message reply_to(const Message& request, const Answer& answer) {
  Message reply;
  for (const std::string_view part : {kVersion, std::string_view(answer.code), std::string_view(answer.text),
                                      std::string_view(answer.user_id), std::string_view(answer.metadata)}) {
    reply.emplace_back(part);
  }
  reply.insert(reply.begin() + kRequestId, Frame(std::string_view(text_at(request, kRequestId))));
  return reply;
}

}  // namespace

Authenticator::Authenticator(transport::Context& context)
    : socket_(context, transport::Type::rep, transport::Options{}) {
  socket_.bind(kEndpoint);
}

void Authenticator::serve(const KeyRing& ring, const std::function<void(const Decision&)>& told) {
  Message request;
  for (int i = 0; i < kAtOnce && socket_.receive(request); ++i) {
    const Decision decision = decide(request, ring);
    Message reply = reply_to(request, answer_to(decision));
    socket_.send(reply);  // who is gone meanwhile needs no answer
    told(decision);
  }
}

}  // namespace dync::keys
