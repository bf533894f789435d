#include "ops/server/process.h"

#include <csignal>
#include <span>

#include "proto/posix/error.h"
#include "proto/service/worker.h"

namespace dync::server {
namespace {

// Packets of one worker in one turn, so that a chatty one leaves room for the others.
constexpr int kPacketsPerTurn = 64;

}  // namespace

void Process::start(const std::vector<std::string>& arguments, std::vector<posix::PassedFd> passed,
                    const Told& told) {
  auto [ours, theirs] = posix::packet_pair();
  passed.push_back({theirs.get(), service::kChannelFd});
  pid_ = posix::spawn(spec_.program, arguments, passed);
  channel_ = std::move(ours);
  told_ = told;
  heard_ = Clock::now();
  ready_since_.reset();
  watch_ = loop_.on_readable(channel_.get(), [this] { listen(); });
}

void Process::listen() {
  for (int packets = 0; packets < kPacketsPerTurn && listen_once(); ++packets) {
  }
}

bool Process::listen_once() {
  std::string packet;
  std::vector<posix::Fd> passed;  // a worker passes none; what comes is closed
  try {
    switch (posix::receive_packet(channel_.get(), packet, passed)) {
      case posix::Received::nothing:
        return false;
      case posix::Received::closed:
        close();
        return false;
      case posix::Received::packet:
        break;
    }
  } catch (const posix::Error&) {
    told_(*this, std::nullopt);  // more than a packet of ours can be
    close();
    return false;
  }
  heard_ = Clock::now();
  told_(*this, ipc::decode(packet));
  return true;
}

void Process::set_ready() {
  ready_since_ = Clock::now();
  was_ever_ready_ = true;
}

void Process::close() {
  if (watch_) loop_.remove(*watch_);
  watch_.reset();
  channel_.reset();
}

std::chrono::milliseconds Process::ended() {
  pid_ = 0;  // from here on it may be anybody's
  while (channel_ && listen_once()) {
  }
  close();
  const auto served = ready_since_ ? Clock::now() - *ready_since_ : Clock::duration::zero();
  ready_since_.reset();
  return backoff_.after(std::chrono::duration_cast<std::chrono::milliseconds>(served));
}

bool Process::tell(const ipc::Message& message, int passed) const {
  if (!channel_) return true;  // it is about to be reaped
  const std::string packet = ipc::encode(message);
  return posix::send_packet(channel_.get(), std::as_bytes(std::span(packet)), {&passed, 1});
}

void Process::kill(int signal) const {
  if (pid_ != 0) ::kill(pid_, signal);
}

}  // namespace dync::server
