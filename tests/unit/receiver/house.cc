#include "tests/unit/receiver/house.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <signal.h>
#include <sys/wait.h>

#include "proto/posix/file.h"
#include "proto/service/worker.h"
#include "schema/names/names.h"

namespace dync::receiver {
namespace {

using Clock = std::chrono::steady_clock;

posix::Fd memory_file_of(const std::string& text) {
  posix::Fd file = posix::make_memory_file("config", text.size());
  const posix::Mapping mapping(file.get(), text.size());
  std::memcpy(mapping.data(), text.data(), text.size());
  return file;
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::unique_ptr<transport::Socket> bound_router(transport::Context& context,
                                                const std::filesystem::path& path) {
  transport::Options options;
  options.handover = true;
  options.mandatory = true;
  options.linger = std::chrono::milliseconds(0);
  options.receive_hwm = 0;
  auto socket = std::make_unique<transport::Socket>(context, transport::Type::router, options);
  socket->bind(names::ipc_endpoint(path));
  return socket;
}

void drain(transport::Socket& socket, std::deque<ipc::Message>& into) {
  transport::Message frames;
  while (socket.receive(frames)) {
    ASSERT_EQ(frames.size(), 2U);
    EXPECT_EQ(frames[0].text(), "receiver");
    auto message = ipc::decode(frames[1].text());
    ASSERT_TRUE(message);
    into.push_back(std::move(*message));
  }
}

constexpr ipc::Sizes kSizes{64, 1024 * 1024, 256};

}  // namespace

House::House(const std::string& more_config)
    : shared_fd(ipc::SharedMemory::create(kSizes)),
      memory(std::make_unique<ipc::SharedMemory>(shared_fd.get())) {
  for (const char* name : {"tmp", "store", "keys", "keys/clients", "run"})
    std::filesystem::create_directory(directory_ / name);
  config_ = "address: \"tcp://127.0.0.1:*\"\nstorage:\n  tmp_dir: " + (directory_ / "tmp").native() +
            "\n  path: " + (directory_ / "store").native() +
            "\n  dropboxes: []\nkeys: {dir: " + (directory_ / "keys").native() +
            "}\nworkers: {hashers: 1, writer_threads: 2, io_threads: 1}\n" + more_config;
  const auto secret = directory_ / "keys" / names::kServerSecret;
  write_text(secret, keys::format_secret(server, posix::utc_now()));
  std::filesystem::permissions(secret,
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  list(lab1);
  list(lab2);
  bind_committer();
  bind_hasher();
}

House::~House() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (testing::Test::HasFailure())
    for (const std::string& line : log) std::cerr << "  " << line << "\n";
}

void House::list(const keys::Certificate& client) const {
  write_text(directory_ / "keys/clients" / (client.user_id + ".key"),
             keys::format_public(client, posix::utc_now()));
}

bool House::logged(std::string_view words) const {
  return std::any_of(log.begin(), log.end(),
                     [&](const std::string& line) { return line.find(words) != line.npos; });
}

void House::unlist(const std::string& user) const {
  std::filesystem::remove(directory_ / "keys/clients" / (user + ".key"));
}

void House::bind_committer() {
  committer_ = bound_router(*context, names::committer_socket(directory_ / "run"));
}
void House::bind_hasher() {
  hasher_ = bound_router(*context, names::hasher_socket(directory_ / "run", 0));
}

void House::renew_committer() {
  committer_.reset();
  to_committer.clear();
  memory->count_incarnation(ipc::Role::committer);
  bind_committer();
}

void House::renew_hasher() {
  hasher_.reset();
  to_hasher.clear();
  begun_.clear();
  memory->count_incarnation(ipc::Role::hasher, 0);
  bind_hasher();
}

void House::start_receiver(bool await_ready) {
  auto [ours, theirs] = posix::packet_pair();
  channel_ = std::move(ours);
  ready_ = false;
  const posix::Fd config = memory_file_of(config_);
  std::vector<std::string> arguments{"dync-receiver", "--config", "test.yaml", "--runtime-dir",
                                     (directory_ / "run").native()};
  if (!endpoint_.empty()) arguments.insert(arguments.end(), {"--address", endpoint_});
  pid_ = posix::spawn(DYNC_RECEIVER, arguments,
                      {{theirs.get(), service::kChannelFd},
                       {config.get(), service::kConfigFd},
                       {shared_fd.get(), service::kSharedFd}});
  if (!await_ready) return;
  ASSERT_TRUE(pump([this] { return ready_; })) << "the receiver is not ready";
}

void House::kill_receiver() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
  memory->count_incarnation(ipc::Role::receiver);
  to_committer.clear();
  to_hasher.clear();
}

void House::kill_server() {
  kill_receiver();
  shared_fd = ipc::SharedMemory::create(kSizes);
  memory = std::make_unique<ipc::SharedMemory>(shared_fd.get());
  renew_committer();
  renew_hasher();
}

posix::Exit House::await_exit() {
  int status = 0;
  const bool ended = pump([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
  EXPECT_TRUE(ended) << "the receiver does not end";
  pid_ = ended ? -1 : pid_;
  return posix::exit_of(status);
}

bool House::pump(const std::function<bool()>& done, std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  while (true) {
    each_pump();
    read_channel();
    serve_committer();
    serve_hasher();
    if (done()) return true;
    if (Clock::now() >= deadline) return false;
    std::array<transport::PollItem, 2> items{{{committer_->handle()}, {hasher_->handle()}}};
    transport::poll(items, std::chrono::milliseconds(5));
  }
}

void House::read_channel() {
  std::string packet;
  std::vector<posix::Fd> passed;
  while (channel_ && posix::receive_packet(channel_.get(), packet, passed) == posix::Received::packet) {
    const auto message = ipc::decode(packet);
    ASSERT_TRUE(message);
    if (const auto* line = std::get_if<ipc::LogLine>(&*message)) log.push_back(line->text);
    if (const auto* ready = std::get_if<ipc::Ready>(&*message)) {
      endpoint_ = ready->address;
      ready_ = true;
    }
  }
}

void House::serve_committer() {
  drain(*committer_, to_committer);
  for (auto it = to_committer.begin(); it != to_committer.end();) {
    const bool hello = std::holds_alternative<ipc::Hello>(*it);
    it = hello ? to_committer.erase(it) : std::next(it);
    if (!hello) continue;
    for (const ipc::Restore& one : live) committer_says(one);
    committer_says(ipc::Restored{});
  }
}

void House::committer_says(const ipc::Message& message) {
  transport::Message frames;
  frames.emplace_back(std::string_view("receiver"));
  frames.emplace_back(std::string_view(ipc::encode(message)));
  EXPECT_EQ(committer_->send(frames), transport::Sent::done);
}

void House::serve_hasher() {
  std::deque<ipc::Message> fresh;
  drain(*hasher_, fresh);
  for (ipc::Message& message : fresh) {
    if (const auto* begin = std::get_if<ipc::Begin>(&message)) begun_[begin->upload] = *begin;
    if (const auto* chunk = std::get_if<ipc::Chunk>(&message)) hash(*chunk);
    to_hasher.push_back(std::move(message));
  }
}

void House::hash(const ipc::Chunk& chunk) {
  const auto begun = begun_.find(chunk.upload);
  if (begun == begun_.end()) return;  // said to a hasher before this one
  hints_were_true = hints_were_true && ipc::slot_is(*memory, chunk.slot, chunk.generation);
  if (hashes) ipc::store_hashed(memory->mark(begun->second.mark), chunk.epoch, chunk.offset + chunk.length);
}

std::optional<ipc::Open> House::open_as(const wire::Id& upload, std::uint32_t epoch, std::uint64_t seek) {
  auto open = committer_hears<ipc::Open>();
  if (!open) return open;
  make_staging(upload);
  committer_says(ipc::Opened{open->request, upload, epoch, seek, 10});
  return open;
}

std::filesystem::path House::data_of(const wire::Id& upload) const {
  return names::staging_dir(directory_ / "tmp", upload) / names::kStagedData;
}

void House::make_staging(const wire::Id& upload) const {
  std::filesystem::create_directories(data_of(upload).parent_path());
}

namespace {

transport::Options client_options(const House& house, const keys::Certificate& keys,
                                  const std::string& routing_id) {
  transport::Options options;
  options.routing_id = routing_id;
  options.curve_client = transport::CurveClient{house.server.public_key, keys.public_key, keys.secret_key};
  options.linger = std::chrono::milliseconds(0);
  options.reconnect_interval = std::chrono::milliseconds(20);
  return options;
}

}  // namespace

Client::Client(House& house, const keys::Certificate& keys, const std::string& routing_id)
    : house_(house),
      socket_(*house.context, transport::Type::dealer, client_options(house, keys, routing_id)) {
  socket_.connect(house.endpoint());
}

void Client::say(const wire::ClientMessage& message) {
  wire::Encoded encoded = wire::encode(message);
  if (encoded.data_at)
    encoded.frames[*encoded.data_at].assign(reinterpret_cast<const char*>(encoded.data.data()),
                                            encoded.data.size());
  say_frames(encoded.frames);
}

void Client::say_frames(const std::vector<std::string>& frames) {
  transport::Message message;
  for (const std::string& frame : frames) message.emplace_back(std::string_view(frame));
  EXPECT_TRUE(house_.pump([&] { return socket_.send(message) == transport::Sent::done; }));
}

void Client::chunk(std::uint64_t seek, std::string_view data, const digest::Digest* last) {
  wire::PostChunk chunk{last != nullptr, seek, std::as_bytes(std::span(data)), {}};
  if (last) chunk.checksum = *last;
  say(chunk);
}

void Client::receive() {
  transport::Message frames;
  while (socket_.receive(frames)) {
    std::vector<wire::FrameView> views;
    for (const transport::Frame& frame : frames) views.push_back(frame.bytes());
    auto message = wire::decode_server(views);
    ASSERT_TRUE(std::holds_alternative<wire::ServerMessage>(message));
    inbox.push_back(std::move(std::get<wire::ServerMessage>(message)));
  }
}

bool Client::send_file(std::string_view content, std::uint32_t credit, std::size_t chunk_size,
                       std::uint64_t from, std::uint64_t until) {
  const digest::Digest digest = sha256_of(content);
  std::uint64_t at = from;
  bool last_sent = false;
  const auto obey = [&](const wire::ServerMessage& message) {
    if (const auto* more = std::get_if<wire::TransferCredit>(&message)) credit += more->amount;
    if (const auto* report = std::get_if<wire::StatusReport>(&message)) {
      at = report->seek;
      credit = report->credit;
      last_sent = false;
    }
  };
  return house_.pump([&] {
    receive();
    while (!inbox.empty() && !std::holds_alternative<wire::UploadFinished>(inbox.front()) &&
           !std::holds_alternative<wire::ServerError>(inbox.front())) {
      obey(inbox.front());
      inbox.pop_front();
    }
    while (credit > 0 && !last_sent && at < until) {
      const auto data = content.substr(at, chunk_size);
      last_sent = data.empty();
      chunk(at, data, last_sent ? &digest : nullptr);
      at += data.size();
      --credit;
    }
    return last_sent || at >= until;
  });
}

std::string content_of(std::size_t bytes) {
  std::string content(bytes, '\0');
  std::uint32_t state = 12345;
  for (char& byte : content) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24);
  }
  return content;
}

digest::Digest sha256_of(std::string_view content) {
  digest::Sha256 digest;
  digest.update(std::as_bytes(std::span(content)));
  return digest.value();
}

wire::Id some_id() {
  std::array<std::byte, wire::Id::kBytes> random{};
  posix::random_bytes(random);
  return wire::Id::uuid4(random);
}

}  // namespace dync::receiver
