#include "committer/untar_client.h"

#include <array>
#include <fcntl.h>

#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "proto/posix/process.h"
#include "schema/names/names.h"

namespace dync::committer {
namespace {

constexpr std::size_t kMostAtOnce = 2;       // each may use a core
constexpr std::size_t kLongestReport = 300;  // characters that a client gets to read
constexpr std::chrono::milliseconds kRetry{100};

// The report was written by a process that read a stranger's archive.
std::string cleaned(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  if (text.size() > kLongestReport) text = text.substr(0, kLongestReport - 3) + "...";
  return text;
}

std::string read_report(int fd) {
  std::array<std::byte, 4096> buffer{};
  const std::size_t got = posix::read_at(fd, buffer, 0);
  std::string text;
  for (std::size_t i = 0; i < got; ++i) text.push_back(static_cast<char>(buffer[i]));
  return cleaned(std::move(text));
}

}  // namespace

UntarFiles open_untar_files(const std::filesystem::path& staging) {
  const posix::Fd directory = posix::open_directory(staging);
  for (const char* name : {names::kExtracting, names::kUntarReport, names::kOut})
    posix::remove_tree_at(directory.get(), name);
  posix::make_directory_at(directory.get(), names::kExtracting, 0777);
  return {posix::open_at(directory.get(), names::kStagedData, O_RDONLY),
          posix::open_directory_at(directory.get(), names::kExtracting),
          posix::open_at(directory.get(), names::kUntarReport, O_RDWR | O_CREAT | O_EXCL, 0666)};
}

UntarClient::UntarClient(service::Loop& loop, const service::Log& log, const config::Untar& limits,
                         int broker)
    : loop_(loop), log_(log), limits_(limits), broker_(broker) {
  source_ = loop_.on_readable(broker_, [this] { take(); });
}

void UntarClient::run(UntarFiles files, Done done) {
  waiting_.push_back({std::move(files), std::move(done)});
  start_next();
}

void UntarClient::start_next() {
  while (!waiting_.empty() && running_.size() < kMostAtOnce) {
    if (!send(next_job_, waiting_.front().files)) {
      if (!std::exchange(retrying_, true))
        loop_.after(kRetry, [this] {
          retrying_ = false;
          start_next();
        });
      return;
    }
    running_.emplace(next_job_++, std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

bool UntarClient::send(std::uint64_t job, const UntarFiles& files) {
  const std::string text = ipc::encode(ipc::RunUntar{.job = job,
                                                     .max_members = limits_.max_members,
                                                     .max_bytes = limits_.max_bytes,
                                                     .max_ratio = limits_.max_ratio});
  const int passed[] = {files.archive.get(), files.directory.get(), files.report.get()};
  return posix::send_packet(broker_, std::as_bytes(std::span(text)), passed);
}

void UntarClient::take() {
  std::string packet;
  std::vector<posix::Fd> passed;
  switch (posix::receive_packet(broker_, packet, passed)) {
    case posix::Received::nothing:
      return;
    case posix::Received::closed:
      return loop_.remove(source_);  // the channel's end stops this process
    case posix::Received::packet:
      break;
  }
  const auto message = ipc::decode(packet);
  const auto* untar_ended = message ? std::get_if<ipc::UntarEnded>(&*message) : nullptr;
  if (untar_ended == nullptr)
    throw std::runtime_error("the supervisor's broker sent something else than UntarEnded");
  ended(*untar_ended);
}

void UntarClient::ended(const ipc::UntarEnded& message) {
  const auto found = running_.find(message.job);
  if (found == running_.end()) {
    log_.warning("untar.unknown_job", {{"job", message.job}});
    return;
  }
  const Running running = std::move(found->second);
  running_.erase(found);
  running.done({message.code, message.signal, report_of(running)});
  start_next();
}

// Without it the exit code still tells what to do.
std::string UntarClient::report_of(const Running& running) const {
  try {
    return read_report(running.files.report.get());
  } catch (const posix::Error& error) {
    log_.error("untar.no_report", {{"error", error.what()}});
    return {};
  }
}

}  // namespace dync::committer
