#include "tests/unit/client/fake_server.h"

#include <array>
#include <fstream>

#include "proto/keys/certificate.h"
#include "proto/posix/process.h"

namespace dync::tests {

namespace {

namespace fs = std::filesystem;

void write_secret(const fs::path& file, const keys::Certificate& certificate) {
  std::ofstream(file) << keys::format_secret(certificate, "now");
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
}

wire::Id random_id() {
  std::array<std::byte, wire::Id::kBytes> random{};
  posix::random_bytes(random);
  return wire::Id::uuid4(random);
}

}  // namespace

FakeServer::FakeServer(fs::path directory) : directory_(std::move(directory)) {
  fs::create_directories(clients());
  fs::create_directories(config_dir());
  const keys::Certificate server = keys::generate("");
  const keys::Certificate client = keys::generate("lab1");
  std::ofstream(config_dir() / "server.key") << keys::format_public(server, "now");
  std::ofstream(clients() / "lab1.key") << keys::format_public(client, "now");
  write_secret(config_dir() / "client.key_secret", client);
  curve_ = {.secret_key = server.secret_key, .zap_domain = "test"};
}

void FakeServer::start() {
  stopping_ = false;
  std::atomic<bool> bound{false};
  thread_ = std::thread([this, &bound] {
    transport::Context context;
    const keys::KeyRing ring = keys::KeyRing::load(clients());
    keys::Authenticator zap(context);
    transport::Options options;
    options.curve_server = curve_;
    options.mandatory = options.handover = true;
    options.linger = std::chrono::milliseconds(100);
    transport::Socket socket(context, transport::Type::router, options);
    const std::string endpoint =
        socket.bind("tcp://127.0.0.1:" + (port_ == 0 ? std::string("*") : std::to_string(port_)));
    port_ = std::stoi(endpoint.substr(endpoint.rfind(':') + 1));
    bound = true;
    bound.notify_all();
    transport::Message message;
    while (!stopping_) {
      std::array<transport::PollItem, 2> items{{{socket.handle(), -1, false}, {zap.handle(), -1, false}}};
      transport::poll(items, std::chrono::milliseconds(5));
      zap.serve(ring, [](const keys::Authenticator::Decision&) {});
      while (socket.receive(message)) answer(socket, message);
      release_held(socket);
    }
  });
  bound.wait(false);
}

void FakeServer::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void FakeServer::send(transport::Socket& socket, const std::string& peer,
                      const wire::ServerMessage& message) {
  transport::Message frames;
  frames.emplace_back(std::string_view(peer));
  for (const std::string& frame : wire::encode(message).frames) frames.emplace_back(std::string_view(frame));
  socket.send(frames);
}

void FakeServer::answer(transport::Socket& socket, transport::Message& message) {
  const std::lock_guard lock(mutex_);
  const std::string peer(message.front().text());
  std::vector<wire::FrameView> views;
  for (std::size_t i = 1; i < message.size(); ++i) views.push_back(std::as_const(message[i]).bytes());
  const auto decoded = wire::decode_client(views);
  if (behaviour.mute) return;
  const auto* known = std::get_if<wire::ClientMessage>(&decoded);
  const Answers answers =
      known != nullptr
          ? std::visit([&](const auto& each) { return take(peer, each); }, *known)
          : Answers{wire::ServerError{400, std::get<wire::Refusal>(decoded).sentence, std::nullopt}};
  if (behaviour.mute_at_end && finished_of(peer)) return;
  for (const auto& each : answers) send(socket, peer, each);
}

wire::ServerMessage FakeServer::approval(const Upload& upload) const {
  wire::UploadApproved approved{upload.credit, behaviour.chunk_size, 8, std::nullopt};
  if (!behaviour.original)
    approved.options = wire::ApprovalOptions{upload.key, upload.id, upload.data.size(), 10};
  return approved;
}

wire::ServerMessage FakeServer::finished(const Upload& upload) const {
  wire::UploadFinished message{upload.id.hex(), std::nullopt};
  if (behaviour.original) return message;
  message.receipt = wire::Receipt{upload.id, upload.sha256, upload.data.size(), "/box/" + upload.name,
                                  "2026-01-01T00:00:00.000Z"};
  if (behaviour.wrong_receipt) message.receipt->sha256.fill(std::byte{1});
  return message;
}

bool FakeServer::finished_of(const std::string& peer) const {
  const auto found = by_peer_.find(peer);
  return found != by_peer_.end() && found->second->done;
}

FakeServer::Answers FakeServer::take(const std::string& peer, const wire::PostFile& post) {
  posted_.insert(peer);
  const std::optional<wire::Id> key = post.options ? std::optional(post.options->key) : std::nullopt;
  if (const auto refusal = behaviour.refuse.find(post.filename); refusal != behaviour.refuse.end()) {
    return {wire::ServerError{static_cast<std::uint32_t>(refusal->second.code), refusal->second.sentence,
                              behaviour.original ? std::nullopt : key}};
  }
  auto& named = by_name_[post.filename];
  if (!named || named->key != key.value_or(wire::Id())) {
    named = std::make_shared<Upload>();
    named->key = key.value_or(wire::Id());
    named->id = random_id();
    named->name = post.filename;
    named->metadata = post.metadata;
  }
  named->credit = behaviour.credit;
  by_peer_[peer] = named;
  if (named->done && !behaviour.original) return {finished(*named)};
  return {approval(*named)};
}

FakeServer::Answers FakeServer::take(const std::string& peer, const wire::PostChunk& chunk) {
  const auto found = by_peer_.find(peer);
  if (found == by_peer_.end()) return {wire::ServerError{404, "Unknown connection.", std::nullopt}};
  Upload& upload = *found->second;
  if (upload.done) return {finished(upload)};
  if (chunk.seek != upload.data.size()) return {};
  if (upload.credit == 0) return {wire::ServerError{429, "more than the credit", std::nullopt}};
  --upload.credit;
  upload.data.append(reinterpret_cast<const char*>(chunk.data.data()), chunk.data.size());
  if (!chunk.last) {
    upload.held = stalled_ && upload.data.size() >= behaviour.stall_at;
    if (upload.held) return {};
    ++upload.credit;
    return {wire::TransferCredit{1}};
  }
  digest::Sha256 hash;
  hash.update(std::as_bytes(std::span(upload.data)));
  upload.sha256 = hash.value();
  if (chunk.checksum != upload.sha256) return {wire::ServerError{422, "checksum mismatch", std::nullopt}};
  if (const auto& end = behaviour.refuse_at_end)
    return {wire::ServerError{static_cast<std::uint32_t>(end->code), end->sentence, std::nullopt}};
  upload.done = true;
  if (behaviour.lose_receipts) return {};
  return {finished(upload)};
}

FakeServer::Answers FakeServer::take(const std::string& peer, const wire::QueryStatus&) {
  const auto found = by_peer_.find(peer);
  if (found == by_peer_.end()) return {wire::ServerError{404, "no such upload", std::nullopt}};
  if (found->second->done) return {finished(*found->second)};
  return {wire::StatusReport{found->second->data.size(), found->second->credit}};
}

FakeServer::Answers FakeServer::take(const std::string& peer, const wire::ClientError& error) {
  errors_.push_back(error.message);
  by_peer_.erase(peer);
  return {};
}

void FakeServer::release_held(transport::Socket& socket) {
  const std::lock_guard lock(mutex_);
  if (stalled_) return;
  for (auto& [peer, upload] : by_peer_) {
    if (!std::exchange(upload->held, false)) continue;
    const std::uint32_t amount = behaviour.credit - upload->credit;
    upload->credit += amount;
    send(socket, peer, wire::TransferCredit{amount});
  }
}

std::optional<std::string> FakeServer::stored(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(name);
  if (found == by_name_.end() || !found->second->done) return std::nullopt;
  return found->second->data;
}

std::string FakeServer::metadata_of(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? "" : found->second->metadata;
}

std::uint64_t FakeServer::received(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? 0 : found->second->data.size();
}

std::size_t FakeServer::connections() const {
  const std::lock_guard lock(mutex_);
  return posted_.size();
}

std::vector<std::string> FakeServer::errors() const {
  const std::lock_guard lock(mutex_);
  return errors_;
}

}  // namespace dync::tests
