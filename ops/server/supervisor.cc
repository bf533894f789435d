#include "ops/server/supervisor.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <sys/wait.h>
#include <type_traits>
#include <utility>
#include <variant>

#include "proto/posix/crash_point.h"
#include "proto/posix/error.h"
#include "proto/posix/file.h"

namespace dync::server {

// Configuration and shared memory lie in different layers; here they meet.
static_assert(limits::kMaxHashers == ipc::kMaxHashers);
namespace {

using Clock = Process::Clock;
using std::chrono::milliseconds;

constexpr std::array kStartOrder = {ipc::Role::committer, ipc::Role::hasher, ipc::Role::receiver};
constexpr milliseconds kStopTick{50};
constexpr milliseconds kTellAgain{100};
constexpr std::size_t kUntarsAtOnce = limits::kUntarsAtOnce;

posix::Fd config_memory(const std::string& text) {
  posix::Fd memory = posix::make_memory_file("dync-config", text.size());
  posix::write_at(memory.get(), std::as_bytes(std::span(text)), 0);
  return memory;
}

std::vector<posix::PassedFd> standard_of(bool background, int null) {
  if (!background) return {};
  return {{null, 0}, {null, 1}, {null, 2}};
}

}  // namespace

milliseconds usual_steady() {
  const auto usual = static_cast<std::uint64_t>(milliseconds(limits::kSteady).count());
  return milliseconds(posix::test_value("DYNC_TEST_STEADY_MS", usual));
}

Supervisor::Supervisor(service::Loop& loop, const service::Log& log, Setup setup, Told told)
    : loop_(loop),
      log_(log),
      setup_(std::move(setup)),
      told_(std::move(told)),
      config_(config_memory(setup_.config_text)),
      shared_(ipc::SharedMemory::create(
          {.slots = limits::kSlots, .slot_bytes = limits::kSlotBytes, .marks = limits::kMarks})),
      null_(posix::open_file("/dev/null", O_RDWR)),
      memory_(shared_.get()),
      broker_(loop, log,
              {.program = setup_.untar,
               .at_once = kUntarsAtOnce,
               .limit = setup_.timing.untar,
               .standard = standard_of(setup_.background, null_.get())}) {
  const BackOff backoff(setup_.timing.restart_most, setup_.timing.steady);
  for (const WorkerSpec& spec : setup_.workers)
    workers_.push_back(std::make_unique<Process>(loop_, spec, backoff));
}

void Supervisor::start() {
  loop_.every(std::max(milliseconds(1), std::min(milliseconds(1000), setup_.timing.silent / 4)),
              [this] { kill_silent(); });
  start_next_stage();
}

void Supervisor::start_next_stage() {
  for (const ipc::Role role : kStartOrder) {
    for (auto& worker : workers_)
      if (worker->spec().role == role && !worker->alive() && !worker->was_ever_ready()) try_start(*worker);
    if (!all_ready(role)) return;
  }
  all_serve_ = true;
  told_.ready(address_);
}

std::vector<std::string> Supervisor::arguments_of(const WorkerSpec& spec) const {
  std::vector<std::string> words = {spec.program.filename(), "--config", setup_.config_file, "--runtime-dir",
                                    setup_.runtime_dir};
  if (spec.role == ipc::Role::hasher)
    words.insert(words.end(), {"--instance", std::to_string(spec.instance)});
  if (spec.role == ipc::Role::receiver && !address_.empty())
    words.insert(words.end(), {"--address", address_});
  if (spec.role == ipc::Role::committer && setup_.fresh) words.emplace_back("--fresh");
  if (setup_.debug) words.emplace_back("--debug");
  return words;
}

void Supervisor::try_start(Process& worker) {
  const WorkerSpec& spec = worker.spec();
  if (stopping() || worker.alive()) return;
  if (spec.role == ipc::Role::committer && broker_.busy()) {
    waits_for_untar_ = &worker;  // the last one's children still write into staging
    return;
  }
  std::vector<posix::PassedFd> passed = standard_of(setup_.background, null_.get());
  passed.push_back({config_.get(), service::kConfigFd});
  passed.push_back({shared_.get(), service::kSharedFd});
  posix::Fd broker_end;
  if (spec.role == ipc::Role::committer) {
    broker_end = broker_.open();
    passed.push_back({broker_end.get(), service::kBrokerFd});
  }
  untold_.erase(&worker);
  try {
    worker.start(arguments_of(spec), std::move(passed),
                 [this](Process& who, const auto& message) { heard(who, message); });
    log_.info("worker.started", {{"worker", spec.name}, {"pid", worker.pid()}});
  } catch (const posix::Error& error) {
    log_.error("worker.not_started", {{"worker", spec.name}, {"error", error.what()}});
    if (!all_serve_) return stop(service::kExitFailed);
    restart_after(worker, worker.ended());
  }
}

void Supervisor::reload(const std::string& config_text, bool debug) {
  config_ = config_memory(config_text);
  setup_.debug = debug;
  for (const auto& worker : workers_)
    if (worker->alive()) untold_.insert(worker.get());
  tell_reload();
}

void Supervisor::tell_reload() {
  std::erase_if(untold_, [this](const Process* worker) {
    return !worker->alive() || worker->tell(ipc::Reload{setup_.debug}, config_.get());
  });
  if (untold_.empty() || tells_again_) return;
  tells_again_ = true;
  loop_.after(kTellAgain, [this] {
    tells_again_ = false;
    tell_reload();
  });
}

void Supervisor::heard(Process& worker, const std::optional<ipc::Message>& message) {
  const auto visit = [&](const auto& said) {
    using Said = std::decay_t<decltype(said)>;
    if constexpr (std::is_same_v<Said, ipc::LogLine>) {
      const auto level = std::min(said.level, static_cast<std::uint8_t>(service::Level::error));
      told_.log(static_cast<service::Level>(level), worker.spec().name, said.text);
      return true;
    } else if constexpr (std::is_same_v<Said, ipc::Ready>) {
      became_ready(worker, said.address);
      return true;
    } else {
      return std::is_same_v<Said, ipc::Alive>;
    }
  };
  if (message && std::visit(visit, *message)) return;
  log_.error("worker.not_understood",
             {{"worker", worker.spec().name}, {"hint", "are all programs of one version?"}});
  worker.kill(SIGKILL);
}

void Supervisor::became_ready(Process& worker, const std::string& address) {
  worker.set_ready();
  log_.info("worker.ready", {{"worker", worker.spec().name}, {"pid", worker.pid()}});
  if (worker.spec().role == ipc::Role::receiver && address_.empty()) address_ = address;
  if (!all_serve_ && !stopping()) start_next_stage();
}

void Supervisor::reap() {
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    const posix::Exit end = posix::exit_of(status);
    if (broker_.reaped(pid, end)) continue;
    if (Process* worker = find(pid)) ended(*worker, end);
  }
  if (Process* committer = std::exchange(waits_for_untar_, nullptr)) try_start(*committer);
  if (stopping()) step_down();
}

void Supervisor::ended(Process& worker, const posix::Exit& end) {
  const WorkerSpec& spec = worker.spec();
  const pid_t pid = worker.pid();
  const milliseconds wait = worker.ended();
  if (spec.role == ipc::Role::committer) broker_.close();
  memory_.count_incarnation(spec.role, static_cast<std::uint32_t>(spec.instance));
  if (stopping()) {
    const bool clean = end.signal == 0 && end.code == service::kExitOk;
    log_.write(clean ? service::Level::info : service::Level::warning, "worker.stopped",
               {{"worker", spec.name}, {"pid", pid}, {"how", end.text()}});
  } else if (!all_serve_ && !worker.was_ever_ready()) {
    log_.error("worker.failed_to_start", {{"worker", spec.name}, {"pid", pid}, {"how", end.text()}});
    stop(end.signal == 0 && end.code == service::kExitConfig ? service::kExitConfig : service::kExitFailed);
  } else {
    log_.error("worker.died",
               {{"worker", spec.name}, {"pid", pid}, {"how", end.text()}, {"restart_ms", wait.count()}});
    restart_after(worker, wait);
  }
}

void Supervisor::restart_after(Process& worker, milliseconds wait) {
  if (wait == milliseconds(0)) return try_start(worker);
  loop_.after(wait, [this, &worker] { try_start(worker); });
}

void Supervisor::kill_silent() {
  if (stopping()) return;
  for (auto& worker : workers_) {
    const auto silence = std::chrono::duration_cast<milliseconds>(Clock::now() - worker->heard());
    if (!worker->alive() || silence <= allowed_silence(*worker)) continue;
    log_.error("worker.silent", {{"worker", worker->spec().name},
                                 {"pid", worker->pid()},
                                 {"silent_ms", silence.count()},
                                 {"action", "killed"}});
    worker->kill(SIGKILL);
  }
}

milliseconds Supervisor::allowed_silence(const Process& worker) const {
  return worker.ready() ? setup_.timing.silent : setup_.timing.start;
}

bool Supervisor::fresh() const {
  return std::ranges::all_of(workers_, [&](const auto& worker) {
    return Clock::now() - worker->heard() <= allowed_silence(*worker);
  });
}

void Supervisor::stop(int code) {
  if (stopping()) return;
  exit_code_ = code;
  stopping_.emplace(Clock::now(), setup_.timing.stop);
  loop_.every(kStopTick, [this] { step_down(); });
  step_down();
}

void Supervisor::step_down() {
  if (ended_) return;
  const auto actions = stopping_->next(Clock::now(), [this](ipc::Role role) { return any_alive(role); });
  for (const auto& action : actions)
    for (const auto& worker : workers_) {
      if (worker->spec().role != action.role || !worker->alive()) continue;
      if (action.signal == SIGKILL)
        log_.warning(
            "worker.killed",
            {{"worker", worker->spec().name}, {"pid", worker->pid()}, {"why", "it did not stop in time"}});
      worker->kill(action.signal);
    }
  if (!stopping_->done() || broker_.busy()) return;
  ended_ = true;
  told_.ended(exit_code_);
}

Process* Supervisor::find(pid_t pid) {
  for (auto& worker : workers_)
    if (worker->pid() == pid) return worker.get();
  return nullptr;
}

bool Supervisor::any_alive(ipc::Role role) const {
  return std::ranges::any_of(
      workers_, [&](const auto& worker) { return worker->spec().role == role && worker->alive(); });
}

bool Supervisor::all_ready(ipc::Role role) const {
  return std::ranges::all_of(
      workers_, [&](const auto& worker) { return worker->spec().role != role || worker->ready(); });
}

}  // namespace dync::server
