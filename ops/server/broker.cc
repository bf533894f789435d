#include "ops/server/broker.h"

#include <csignal>
#include <span>
#include <variant>

#include "proto/posix/error.h"
#include "schema/limits/untar_exit.h"

namespace dync::server {
namespace {

// In dync-untar: the archive, the directory to fill, the report.
constexpr int kFirstFd = 3;
constexpr std::size_t kPassed = 3;
constexpr std::chrono::milliseconds kRetry{20};

std::vector<std::string> arguments_of(const ipc::RunUntar& request) {
  return {"dync-untar",
          "--max-members",
          std::to_string(request.max_members),
          "--max-bytes",
          std::to_string(request.max_bytes),
          "--max-ratio",
          std::to_string(request.max_ratio)};
}

}  // namespace

Broker::~Broker() {
  disconnect();
}

posix::Fd Broker::open() {
  disconnect();
  auto [ours, theirs] = posix::packet_pair();
  socket_ = std::move(ours);
  listen();
  return std::move(theirs);
}

void Broker::close() {
  disconnect();
  for (auto& [pid, job] : jobs_) {
    job.orphan = true;
    ::kill(pid, SIGKILL);
  }
}

void Broker::disconnect() {
  pause();
  if (retry_) loop_.remove(*retry_);
  retry_.reset();
  unsaid_.clear();
  socket_.reset();
}

void Broker::listen() {
  if (!watch_ && socket_) watch_ = loop_.on_readable(socket_.get(), [this] { serve(); });
}

void Broker::pause() {
  if (watch_) loop_.remove(*watch_);
  watch_.reset();
}

void Broker::serve() {
  while (socket_ && jobs_.size() < settings_.at_once && serve_one()) {
  }
  if (jobs_.size() >= settings_.at_once) pause();
}

bool Broker::serve_one() {
  std::string packet;
  std::vector<posix::Fd> passed;
  switch (posix::receive_packet(socket_.get(), packet, passed)) {
    case posix::Received::nothing:
      return false;
    case posix::Received::closed:
      pause();
      return false;  // its death is told by the reaper
    case posix::Received::packet:
      break;
  }
  const auto message = ipc::decode(packet);
  const auto* request = message ? std::get_if<ipc::RunUntar>(&*message) : nullptr;
  if (request == nullptr) {
    log_.error("untar.bad_request", {{"bytes", packet.size()}});
  } else {
    start(*request, std::move(passed));
  }
  return true;
}

void Broker::start(const ipc::RunUntar& request, std::vector<posix::Fd> passed) {
  try {
    if (passed.size() != kPassed)
      throw posix::Error(EBADF, "start dync-untar with descriptors:", std::to_string(passed.size()));
    std::vector<posix::PassedFd> fds = settings_.standard;
    for (std::size_t i = 0; i < kPassed; ++i)
      fds.push_back({passed[i].get(), kFirstFd + static_cast<int>(i)});
    const pid_t pid = posix::spawn(settings_.program, arguments_of(request), fds);
    const auto timer = loop_.after(settings_.limit, [this, pid] {
      log_.warning("untar.too_slow", {{"pid", pid}, {"limit_ms", settings_.limit.count()}});
      ::kill(pid, SIGTERM);  // the archive's fault; SIGKILL would be told as nobody's
    });
    jobs_.emplace(pid, Job{.number = request.job, .timer = timer});
    log_.debug("untar.started", {{"job", request.job}, {"pid", pid}});
  } catch (const posix::Error& error) {
    log_.error("untar.not_started", {{"job", request.job}, {"error", error.what()}});
    say({.job = request.job, .code = limits::untar_exit::kFailed, .signal = 0});
  }
}

bool Broker::reaped(pid_t pid, const posix::Exit& end) {
  const auto found = jobs_.find(pid);
  if (found == jobs_.end()) return false;
  const Job job = found->second;
  jobs_.erase(found);
  loop_.remove(job.timer);
  log_.debug("untar.ended", {{"job", job.number}, {"pid", pid}, {"how", end.text()}});
  if (job.orphan) return true;
  say({.job = job.number, .code = end.code, .signal = end.signal});
  listen();
  return true;
}

void Broker::say(const ipc::UntarEnded& ended) {
  unsaid_.push_back(ipc::encode(ended));
  flush();
}

void Broker::flush() {
  while (socket_ && !unsaid_.empty() &&
         posix::send_packet(socket_.get(), std::as_bytes(std::span(unsaid_.front())))) {
    unsaid_.pop_front();
  }
  if (unsaid_.empty() || retry_) return;
  retry_ = loop_.after(kRetry, [this] {
    retry_.reset();
    flush();
  });
}

}  // namespace dync::server
