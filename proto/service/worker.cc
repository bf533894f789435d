#include "proto/service/worker.h"

#include <csignal>
#include <stdexcept>

#include "proto/ipc/messages.h"
#include "proto/posix/process.h"

namespace dync::service {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostOfALine = std::size_t{32} * 1024;  // a packet of the channel holds 64 KiB
constexpr milliseconds kReadyAgain{100};

}  // namespace

Worker::Worker(WorkerOptions options, posix::Fd channel)
    : options_(std::move(options)),
      channel_(std::move(channel)),
      signals_(posix::signal_fd({SIGTERM})),
      log_([this](Level level, const std::string& line) { log_line(level, line); }) {
  show_debug(options_.debug);
  loop_.on_readable(channel_.get(), [this] { read_channel(); });
  loop_.on_readable(signals_.get(), [this] { read_signals(); });
}

void Worker::ready(const std::string& address) {
  if (!tell(ipc::encode(ipc::Ready{address}))) loop_.after(kReadyAgain, [this, address] { ready(address); });
}

void Worker::run() {
  const auto alive = [this] { tell(ipc::encode(ipc::Alive{})); };
  alive();
  loop_.every(std::chrono::seconds(kAliveSeconds), alive);
  loop_.run();
}

bool Worker::tell(const std::string& packet) const {
  return posix::send_packet(channel_.get(), std::as_bytes(std::span(packet)));
}

// The loop never waits for the log; what a full channel lost is told as soon as there is room.
void Worker::log_line(Level level, const std::string& line) {
  if (lines_lost_ > 0) {
    const std::string lost = "log.lost lines=" + std::to_string(lines_lost_);
    if (tell(ipc::encode(ipc::LogLine{static_cast<std::uint8_t>(Level::warning), lost}))) lines_lost_ = 0;
  }
  const ipc::LogLine packet{static_cast<std::uint8_t>(level), line.substr(0, kMostOfALine)};
  if (lines_lost_ > 0 || !tell(ipc::encode(packet))) ++lines_lost_;
}

void Worker::read_channel() {
  while (true) {
    std::string packet;
    std::vector<posix::Fd> passed;
    const auto received = posix::receive_packet(channel_.get(), packet, passed);
    if (received == posix::Received::nothing) return;
    if (received == posix::Received::packet) {
      heard(packet, passed);
      continue;
    }
    if (stop_told_) loop_.stop();
    stop();
    return;
  }
}

void Worker::heard(const std::string& packet, const std::vector<posix::Fd>& passed) {
  const auto message = ipc::decode(packet);
  const auto* reload = message ? std::get_if<ipc::Reload>(&*message) : nullptr;
  if (reload == nullptr || passed.size() != 1)
    throw std::runtime_error(
        "the supervisor said what is no message of ours: are all programs of one version?");
  show_debug(reload->debug);
  if (on_reload_) on_reload_(posix::read_file(passed.front().get(), "the new config", kMaxConfig));
}

void Worker::read_signals() {
  while (posix::next_signal(signals_.get()) != 0) stop();
}

void Worker::stop() {
  if (std::exchange(stop_told_, true)) return;
  if (on_stop_)
    on_stop_();
  else
    loop_.stop();
}

}  // namespace dync::service
