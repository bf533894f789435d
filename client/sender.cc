#include "client/sender.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "client/crash_points.h"
#include "client/network.h"
#include "client/sentences.h"
#include "proto/posix/crash_point.h"

namespace dync::client {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// A send that found no connection although one was told is tried again so soon.
constexpr milliseconds kSendAgain{20};

std::string size_and_rate(std::uint64_t bytes, double seconds) {
  std::string text =
      human_bytes(bytes) + " in " + human_time(std::chrono::seconds(static_cast<long>(seconds)));
  if (seconds > 0)
    text += ", " + human_bytes(static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds)) + "/s";
  return text;
}

// `found`: what an earlier run had brought.
std::string how_stored(std::uint64_t bytes, std::uint64_t found, double seconds) {
  if (found == 0) return size_and_rate(bytes, seconds);
  if (found == bytes) return human_bytes(bytes) + ", sent by an earlier run";
  return human_bytes(bytes) + ", the last " + size_and_rate(bytes - found, seconds);
}

transport::Message to_frames(const wire::ClientMessage& message, std::shared_ptr<const void> owner) {
  wire::Encoded encoded = wire::encode(message);
  transport::Message frames;
  frames.reserve(encoded.frames.size());
  for (std::size_t i = 0; i < encoded.frames.size(); ++i) {
    if (encoded.data_at && *encoded.data_at == i && owner) {
      frames.emplace_back(encoded.data, std::move(owner));
    } else {
      frames.emplace_back(std::string_view(encoded.frames[i]));
    }
  }
  return frames;
}

// What to do about a stream that failed. What the server said of its end needs no more words.
std::string advice_for(const Job& job, const Transfer& transfer) {
  const auto* failure = std::get_if<Failure>(&transfer.outcome());
  if (failure == nullptr || failure->code != 0 || job.upload.size) return "";
  return transfer.last_sent() ? kMayBeStored : kNoResume;
}

ReceiptLine about(const Job& job) {
  ReceiptLine line;
  line.file = job.file;
  line.name = job.upload.filename;
  line.checkable = job.upload.size.has_value();
  return line;
}

}  // namespace

struct Sender::Running {
  Job job;
  Source source;
  Transfer transfer;
  Time began;
  Meter meter;
  std::uint64_t released = 0;
  bool blocked = false;
  Stage noted = Stage::over;

  Running(Job the_job, Patience patience, Start start, Time now)
      : job(std::move(the_job)),
        source(std::move(job.input), job.state),
        transfer(job.upload, patience, start, now),
        began(now) {}
};

Sender::Sender(transport::Context& context, const Options& options, ClientKeys keys, Display& display,
               Interrupts& interrupts)
    : context_(context),
      options_(options),
      keys_(std::move(keys)),
      display_(display),
      interrupts_(interrupts) {
  if (options.timeout) patience_ = patience_for(*options.timeout);
}

bool Sender::connect(Time now, std::string& problem) {
  if (!unreachable_.empty()) problem = unreachable_;
  if (connection_ || !problem.empty()) return problem.empty();
  interrupts_.at_once(true);  // while names are looked up
  const auto families = families_of(options_.server);
  interrupts_.at_once(false);
  if (const auto* unresolved = std::get_if<Unresolved>(&families)) {
    problem = unreachable_ = unresolved->sentence;
    return false;
  }
  const milliseconds first = options_.timeout.value_or(limits::kFirstConnect);
  connection_ = std::make_unique<Connection>(context_, options_.server, keys_,
                                             std::get<std::vector<bool>>(families), first, now);
  carried_ = false;
  return true;
}

Sent Sender::send(Job job) {
  const Time now = Clock::now();
  std::string problem;
  if (!connect(now, problem)) {
    Sent sent{about(job), job.upload.known, ""};
    sent.line.error = problem;
    return sent;
  }
  const bool used = std::exchange(carried_, true);
  // The receipt of an earlier run has no key: it must be the only thing that can come.
  const bool shared = used && reusable_ && !job.upload.known;
  if (used && !shared) connection_->open(true, now);
  Running running(std::move(job), patience_, {connection_->ready(), ours_, shared, shared ? rate_ : 0}, now);
  while (!running.transfer.over()) turn(running);
  show(running, Clock::now());
  ours_ = running.transfer.ours();
  rate_ = running.transfer.rate();
  reusable_ = running.transfer.reusable();
  std::string advice = advice_for(running.job, running.transfer);
  ReceiptLine line = receipt(running, Clock::now());
  if (!advice.empty() && running.transfer.approved() && !interrupted_) line.error += "; " + advice;
  if (line.error.empty())
    display_.finished(printable(line.file) + ": stored, " +
                      how_stored(line.size, running.transfer.found(), line.seconds));
  return {std::move(line), running.transfer.resumable(), std::move(advice)};
}

void Sender::turn(Running& running) {
  work(running, Clock::now());
  if (running.transfer.over()) return;
  wait(running, Clock::now());
  const Time now = Clock::now();
  take_signal(running, now);
  take_events(running, now);
  take_messages(running, now);
  take_source(running, now);
  running.transfer.tick(now);
  show(running, now);
}

// Does what the transfer wants until it wants nothing, or it can't be done now.
void Sender::work(Running& running, Time now) {
  running.blocked = false;
  for (Want want = running.transfer.want(now); want.kind != Want::Kind::nothing;
       want = running.transfer.want(now)) {
    if (!carry_out(running, want, now)) return;
  }
}

bool Sender::carry_out(Running& running, const Want& want, Time now) {
  using Kind = Want::Kind;
  bool done = true;
  switch (want.kind) {
    case Kind::chunk:
      return send_chunk(running, want, now);
    case Kind::digest:
      return hash(running, want);
    case Kind::post_file:
      done = send_message(running.transfer.post_file(), nullptr);
      break;
    case Kind::query_status:
      if (!want.routine) display_.note("asking the server how far it is");
      done = send_message(wire::QueryStatus{}, nullptr);
      break;
    case Kind::error:
      done = send_message(running.transfer.error(), nullptr);
      break;
    case Kind::reopen:
      display_.note("opening a new connection");
      connection_->open(want.fresh_id, now);
      break;
    case Kind::nothing:
      break;
  }
  running.blocked = !done;
  if (done) running.transfer.sent(want, now);
  return done;
}

bool Sender::hash(Running& running, const Want& want) {
  running.source.start(limits::kLargestChunk, 1, want.seek);
  const auto end = running.source.fetch(want.seek, 1);
  if (end) {
    running.transfer.hashed(end->last.value());
  } else {
    running.transfer.source_waits();
  }
  return true;
}

bool Sender::send_chunk(Running& running, const Want& want, Time now) {
  Transfer& transfer = running.transfer;
  running.source.start(transfer.chunk_size(), transfer.max_queue(), want.seek);
  const auto piece = running.source.fetch(want.seek, want.max_bytes);
  if (!piece) {
    transfer.source_waits();
    return true;
  }
  const wire::PostChunk chunk{
      .last = piece->last.has_value(), .seek = piece->seek, .data = piece->data, .checksum = piece->last};
  running.blocked = !send_message(chunk, piece->owner);
  if (!running.blocked) transfer.sent_chunk(piece->seek, piece->data.size(), piece->last, now);
  return !running.blocked;
}

bool Sender::send_message(const wire::ClientMessage& message, std::shared_ptr<const void> owner) {
  transport::Message frames = to_frames(message, std::move(owner));
  return connection_->send(frames);
}

void Sender::wait(Running& running, Time now) {
  std::array<transport::PollItem, 4> items{{{connection_->handle(), -1, false},
                                            {connection_->monitor_handle(), -1, false},
                                            {nullptr, running.source.handle(), false},
                                            {nullptr, interrupts_.handle(), false}}};
  Time until = std::min({running.transfer.deadline(), connection_->deadline(), now + display_.period()});
  if (running.blocked && connection_->ready()) until = std::min(until, now + kSendAgain);
  const auto rest = std::chrono::ceil<milliseconds>(until - now);
  transport::poll(items, std::max(rest, milliseconds{0}));
}

void Sender::take_events(Running& running, Time now) {
  while (const auto event = connection_->next_event(now)) {
    if (*event == Connection::Event::ready) {
      display_.note("connected to " + options_.server.host + " port " + std::to_string(options_.server.port));
      running.transfer.connection_ready(now);
    } else {
      display_.note("the connection is lost, connecting again");
      running.transfer.connection_lost(now);
    }
  }
  if (!connection_->failed()) return;
  unreachable_ = *connection_->failed();
  running.transfer.leave(unreachable_, now);
}

void Sender::take_messages(Running& running, Time now) {
  transport::Message frames;
  while (!running.transfer.over() && connection_->receive(frames)) {
    std::vector<wire::FrameView> views;
    views.reserve(frames.size());
    for (const transport::Frame& frame : frames) views.push_back(frame.bytes());
    const auto decoded = wire::decode_server(views);
    if (const auto* message = std::get_if<wire::ServerMessage>(&decoded)) {
      if (std::holds_alternative<wire::UploadFinished>(*message)) posix::crash_point(crash::kReceipt);
      running.transfer.message(*message, now);
    } else {
      running.transfer.leave(
          "the server's message can't be read: " + std::get<wire::Refusal>(decoded).sentence, now);
    }
  }
  State* state = running.job.state;
  if (state == nullptr || !running.transfer.approved()) return;
  if (running.transfer.ours()) return state->approved();
  state->forget();
}

void Sender::take_source(Running& running, Time now) {
  running.source.clear_handle();
  running.transfer.source_ready();
  if (const std::uint64_t released = running.source.released(); released != running.released) {
    running.released = released;
    running.transfer.link_moved(now);
  }
  const auto problem = running.source.problem();
  if (!problem) return;
  if (problem->passing) return running.transfer.leave(problem->sentence, now);
  running.transfer.fail(problem->sentence, now);
}

void Sender::take_signal(Running& running, Time now) {
  if (interrupted_ || !interrupts_.take()) return;
  interrupted_ = true;
  interrupts_.at_once(true);
  running.transfer.leave(kInterrupted, now);
}

void Sender::show(Running& running, Time now) {
  const Transfer& transfer = running.transfer;
  const Stage stage = transfer.stage(now);
  if (stage != running.noted && !stage_text(stage).empty())
    display_.note(printable(running.job.file) + ": " + stage_text(stage));
  running.noted = stage;
  if (transfer.approved()) running.meter.add(transfer.position(), now);
  if (stage == Stage::over) return;
  display_.progress({running.job.upload.filename, running.job.number, running.job.count, transfer.position(),
                     running.job.upload.size, running.meter.rate(), stage},
                    now);
}

ReceiptLine Sender::receipt(const Running& running, Time now) const {
  const Transfer& transfer = running.transfer;
  ReceiptLine line = about(running.job);
  line.size = transfer.position();
  line.seconds = std::chrono::duration<double>(now - running.began).count();
  line.attempts = transfer.attempts();
  if (transfer.digest()) line.sha256 = digest::to_hex(*transfer.digest());
  if (const auto* failure = std::get_if<Failure>(&transfer.outcome())) {
    line.error = failure->sentence;
    line.code = failure->code;
    return line;
  }
  const auto& stored = std::get<Stored>(transfer.outcome());
  line.upload_id = stored.upload_id;
  if (stored.receipt) {
    line.destination = stored.receipt->destination;
    line.committed_at = stored.receipt->committed_at;
  }
  return line;
}

}  // namespace dync::client
