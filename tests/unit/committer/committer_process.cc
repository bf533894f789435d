#include "tests/unit/committer/committer_process.h"

#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "proto/ipc/shared_memory.h"
#include "proto/service/worker.h"
#include "schema/config/config.h"
#include "schema/names/names.h"

namespace dync::committer {
namespace {

constexpr std::chrono::milliseconds kPoll{5};

posix::Fd memory_file(const std::string& text) {
  posix::Fd fd(::memfd_create("config", 0));
  posix::write_all(fd.get(), text);
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

transport::Options named(const std::string& routing_id) {
  transport::Options options;
  options.routing_id = routing_id;
  options.reconnect_interval = std::chrono::milliseconds(20);
  options.linger = std::chrono::milliseconds(0);
  return options;
}

}  // namespace

CommitterProcess::CommitterProcess() : shared_(ipc::SharedMemory::create({})) {
  for (const char* name : {"tmp", "dropbox", "store", "manual", "run"})
    std::filesystem::create_directory(directory_.path() / name);
}

CommitterProcess::~CommitterProcess() {
  kill();
}

// A tmpfs on every Linux; tests that need it fail where it is none.
void CommitterProcess::use_other_file_system() {
  other_.emplace("/dev/shm");
  std::filesystem::create_directory(dropbox());
  ASSERT_TRUE(config::dropbox_staging(tmp(), dropbox(), {})) << "/dev/shm and " << tmp() << " are one";
}

std::string CommitterProcess::config() const {
  const std::string base = directory_.path().string();
  return "address: \"tcp://127.0.0.1:*\"\noptions: {umask: 0022}\nstorage:\n  tmp_dir: " + base +
         "/tmp\n  path: " + base + "/store\n  manual: " + base +
         "/manual\n  dropboxes:\n    - {regexp: \".*\", path: " + dropbox().string() +
         ", requires_barcode: no}\nlimits: {" + limits_ + "}\n";
}

void CommitterProcess::start(const std::string& crash_at, bool fresh) {
  kill();
  auto [ours, theirs] = posix::packet_pair();
  auto [our_broker, their_broker] = posix::packet_pair();
  channel_ = std::move(ours);
  broker_ = std::move(our_broker);
  ready_ = false;
  const posix::Fd config_text = memory_file(config());
  if (crash_at.empty())
    ::unsetenv("DYNC_CRASH_AT");
  else
    ::setenv("DYNC_CRASH_AT", crash_at.c_str(), 1);
  std::vector<std::string> words{"dync-committer", "--config", "/etc/test.yaml", "--runtime-dir",
                                 (directory_.path() / "run").string()};
  if (fresh) words.emplace_back("--fresh");
  pid_ = posix::spawn(DYNC_COMMITTER, words,
                      {{theirs.get(), service::kChannelFd},
                       {config_text.get(), service::kConfigFd},
                       {shared_.get(), service::kSharedFd},
                       {their_broker.get(), service::kBrokerFd}});
}

void CommitterProcess::kill() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  wait();
}

void CommitterProcess::stop() {
  await_ready();
  ASSERT_NE(pid_, 0) << log_;
  ::kill(pid_, SIGTERM);
  EXPECT_EQ(wait().text(), "exit 0") << log_;
}

void CommitterProcess::await_ready() {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (running() && !ready_) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "dync-committer did not start\n" << log_;
    std::this_thread::sleep_for(kPoll);
  }
}

bool CommitterProcess::running() {
  read_channel();
  if (pid_ == 0) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == 0) return true;
  exit_ = posix::exit_of(status);
  pid_ = 0;
  read_channel();
  return false;
}

posix::Exit CommitterProcess::wait() {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (running()) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "dync-committer did not end\n" << log_;
      ::kill(pid_, SIGKILL);
    }
    std::this_thread::sleep_for(kPoll);
  }
  return exit_;
}

void CommitterProcess::read_channel() {
  std::string packet;
  std::vector<posix::Fd> passed;
  while (channel_ && posix::receive_packet(channel_.get(), packet, passed) == posix::Received::packet) {
    const auto message = ipc::decode(packet);
    if (!message) continue;
    if (const auto* line = std::get_if<ipc::LogLine>(&*message)) log_ += line->text + "\n";
    ready_ = ready_ || std::holds_alternative<ipc::Ready>(*message);
  }
}

Peer::Peer(transport::Context& context, const CommitterProcess& process, const std::string& routing_id)
    : socket_(context, transport::Type::dealer, named(routing_id)) {
  socket_.connect(names::ipc_endpoint(names::committer_socket(process.socket())));
}

void Peer::say(const ipc::Message& message) {
  transport::Message parts;
  parts.emplace_back(std::string_view(ipc::encode(message)));
  ASSERT_EQ(socket_.send(parts), transport::Sent::done);
}

std::optional<ipc::Message> Peer::hear() {
  transport::Message parts;
  if (!socket_.receive(parts)) return std::nullopt;
  return ipc::decode(parts.at(0).text());
}

ipc::Open Sample::open(std::uint64_t request) const {
  ipc::Open message;
  message.request = request;
  message.user = user;
  message.routing_id = routing_id;
  message.filename = filename;
  message.metadata = metadata;
  message.chunk_size = 1 << 20;
  message.max_queue = 64;
  if (key) {
    message.options.emplace();
    message.options->key = *key;
    message.options->size = content.size();
    message.options->mtime_ns = 12345;
  }
  return message;
}

digest::Digest Sample::sha256() const {
  digest::Sha256 sha256;
  sha256.update(std::as_bytes(std::span(content)));
  return sha256.value();
}

Neighbourhood::Neighbourhood()
    : receiver(context, process, "receiver"), hasher(context, process, "hasher-0") {}

std::optional<ipc::Opened> Neighbourhood::open(const Sample& sample, std::uint64_t request) {
  receiver.say(sample.open(request));
  auto opened = hear<ipc::Opened>();
  EXPECT_TRUE(!opened || opened->request == request);
  return opened;
}

std::optional<ipc::Refused> Neighbourhood::refused(const Sample& sample, std::uint64_t request) {
  receiver.say(sample.open(request));
  auto answer = hear<ipc::Refused>();
  EXPECT_TRUE(!answer || answer->request == request);
  return answer;
}

void Neighbourhood::write(const ipc::Id& upload, const std::string& content) {
  const Path data = names::staging_dir(process.tmp(), upload) / names::kStagedData;
  std::ofstream(data, std::ios::binary) << content;
}

void Neighbourhood::say_received(const ipc::Id& upload, const Sample& sample, std::uint32_t epoch) {
  receiver.say(ipc::AllReceived{upload, epoch, sample.content.size(), sample.sha256(), {1, 2, 3}});
}

void Neighbourhood::say_verdict(const ipc::Id& upload, const Sample& sample, std::uint32_t epoch) {
  hasher.say(ipc::Verdict{upload, epoch, sample.content.size(), sample.sha256(), true, 5, 3});
}

std::optional<ipc::Committed> Neighbourhood::send(const Sample& sample) {
  const auto opened = open(sample);
  if (!opened) return std::nullopt;
  write(opened->upload, sample.content);
  say_received(opened->upload, sample);
  say_verdict(opened->upload, sample);
  return hear<ipc::Committed>();
}

bool Neighbourhood::untar(int code, const std::string& report, const std::function<void(const Path&)>& fill,
                          int signal) {
  std::string packet;
  std::vector<posix::Fd> passed;
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (posix::receive_packet(process.broker(), packet, passed) != posix::Received::packet) {
    if (!process.running()) return false;
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "no dync-untar was asked for\n" << process.log();
      return false;
    }
    wait();
  }
  const auto message = ipc::decode(packet);
  const auto job = std::get<ipc::RunUntar>(message.value());
  EXPECT_EQ(passed.size(), 3U);
  if (fill) fill(std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(passed.at(1).get())));
  posix::write_all(passed.at(2).get(), report);
  const std::string answer = ipc::encode(ipc::UntarEnded{job.job, code, signal});
  return posix::send_packet(process.broker(), std::as_bytes(std::span(answer)));
}

void Neighbourhood::wait() {
  transport::PollItem items[] = {{receiver.handle(), -1, false}};
  transport::poll(items, kPoll);
}

std::string content_of(const Path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace dync::committer
