#include "receiver/receiver.h"

#include <algorithm>
#include <utility>

#include "proto/posix/crash_point.h"
#include "proto/posix/process.h"
#include "receiver/crash_points.h"
#include "schema/limits/limits.h"
#include "schema/names/names.h"

namespace dync::receiver {
namespace {

SessionTerms terms_of(const config::Config& config, std::uint32_t slot_bytes) {
  const std::uint32_t most = std::min(config.flow.chunk_size, slot_bytes);
  return {most, std::min(most, limits::kOriginalChunk), config.flow.max_queue, config.limits.idle_timeout};
}

// A session keeps the chunk size it was given, so what was allowed before counts too: a whole slot.
std::uint64_t largest_frame(const config::Config& config, std::uint32_t slot_bytes) {
  return std::max<std::uint64_t>(slot_bytes, config.limits.max_metadata);
}

}  // namespace

Receiver::Receiver(service::Worker& worker, ipc::SharedMemory& memory, const config::Config& config,
                   const keys::Certificate& server)
    : worker_(worker),
      config_(config),
      server_key_(server.public_key),
      terms_(terms_of(config, memory.sizes().slot_bytes)),
      context_(config.workers.io_threads),
      gate_(context_, worker, config.keys_dir / names::kClients),
      front_(context_, worker, server.secret_key, largest_frame(config, memory.sizes().slot_bytes)),
      book_(config.flow.budget),
      hashers_(context_, worker, memory, config.workers.hashers),
      committer_(context_, worker, memory, [this](const ipc::Message& message) { on_committer(message); }),
      data_(worker, memory, hashers_, config,
            KeptMarks(names::marks_file(config.ledger), posix::boot_id(), memory.sizes().marks), *this) {}

void Receiver::start() {
  worker_.on_stop([this] { stop(); });
  worker_.loop().each_turn([this] { turn(); });
  worker_.loop().every(std::chrono::seconds(1), [this] { tick(); });
  worker_.loop().every(limits::kDeliverySpan, [this] { book_.next_span(); });
  worker_.loop().every(limits::kProgress, [this] {
    for (const ipc::Progress& moved : data_.progress()) committer_.progress(moved.upload, moved.bytes);
  });
  committer_.hello();
}

void Receiver::bind() {
  const std::string& before = worker_.options().address;
  const std::string bound = front_.bind(before.empty() ? config_.address : before,
                                        [this](const Incoming& incoming) { on_client(incoming); });
  bound_ = true;
  posix::crash_point(crash::kBound);
  log().info("receiver.bound", {{"address", bound}, {"uploads", restored_.size()}});
  self_test_ = std::make_unique<SelfTest>(context_, worker_, bound, server_key_, [this, bound] {
    self_test_.reset();
    worker_.ready(bound);
  });
}

void Receiver::turn() {
  committer_.turn();
  hashers_.turn([this](std::uint32_t hasher, WorkerLink::News news) {
    if (news == WorkerLink::News::new_peer) data_.free_slots_of(hasher);
    data_.tell_again(hasher);
  });
  if (!stopping_) return grant_due();
  if (data_.quiet() && committer_.drained() && hashers_.drained()) worker_.loop().stop();
}

void Receiver::tick() {
  const Time at = now();
  std::vector<Session*> sessions;
  registry_.each([&](Session& session) { sessions.push_back(&session); });
  for (Session* session : sessions) run(*session, session->on_tick(at));
  registry_.expire(at);
  data_.tick();
  watch_memory();
}

// libzmq holds what came of a message until all of it is there, and bounds that by nothing: a listed key can
// fill the memory. The next receiver begins with none of it, and sessions go on.
void Receiver::watch_memory() {
  const std::uint64_t used = posix::anonymous_memory();
  const std::uint64_t most = config_.flow.budget + limits::kReceiverMemory;
  if (stopping_ || used <= most) return;
  log().error("receiver.too_much_memory", {{"bytes", used}, {"most", most}, {"hint", "it starts anew"}});
  stop();
}

void Receiver::use(const config::Config& config) {
  terms_.idle_timeout = config.limits.idle_timeout;
  data_.use(config.limits);
  gate_.refresh();
}

void Receiver::stop() {
  stopping_ = true;
  data_.stop();
  worker_.loop().after(limits::kReceiverStop, [this] { worker_.loop().stop(); });
}

void Receiver::on_written(const Id& upload, std::uint64_t bytes) {
  if (Session* session = registry_.of_upload(upload)) session->on_written(bytes);
}

void Receiver::on_broken(const Id& upload, const wire::Refusal& why) {
  Session* session = registry_.of_upload(upload);
  if (session) run(*session, session->on_broken(why));
}

void Receiver::on_synced(const ipc::Synced& synced) {
  committer_.synced(synced);
}

void Receiver::on_received(const ipc::AllReceived& received) {
  log().info("upload.received", {{"upload", received.upload.hex()},
                                 {"bytes", received.size},
                                 {"direct", received.counters.direct},
                                 {"buffered", received.counters.buffered},
                                 {"unhashed", received.counters.unhashed_at_last}});
  committer_.received(received);
  posix::crash_point(crash::kTold);
}

void Receiver::on_closed(const ipc::Abort& abort) {
  log().info("upload.aborted", {{"upload", abort.upload.hex()},
                                {"code", static_cast<std::uint32_t>(abort.code)},
                                {"why", abort.sentence}});
  leaving_.erase(abort.upload);
  committer_.abort(abort);
}

void Receiver::on_parked(const ipc::Park& park) {
  log().info("upload.parked", {{"upload", park.upload.hex()}, {"bytes", park.bytes}, {"why", park.why}});
  leaving_.erase(park.upload);
  committer_.park(park);
}

// Partials that nobody sends now come first; where there is none, the committer says so.
void Receiver::on_stuck(std::uint64_t bytes) {
  committer_.make_room(bytes);
}

}  // namespace dync::receiver
