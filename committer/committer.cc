#include "committer/committer.h"

#include <algorithm>
#include <utility>

#include "committer/crash_points.h"
#include "committer/detail.h"
#include "committer/recovery.h"
#include "dync_version.h"
#include "proto/posix/crash_point.h"
#include "schema/ledger/events.h"
#include "schema/limits/limits.h"
#include "schema/names/names.h"

namespace dync::committer {
namespace {

constexpr std::chrono::milliseconds kSlowPeer{20};

transport::Options socket_options() {
  transport::Options options;
  options.mandatory = true;
  options.handover = true;
  options.linger = limits::kLinger;
  return options;
}

}  // namespace

Committer::Committer(service::Worker& worker, const config::Config& config, int broker)
    : worker_(worker),
      config_(config),
      ledger_(config.ledger, limits::kLedgerLock),
      outbox_(worker.log()),
      quick_(inbox_, limits::kCommitThreads, "dync-commit"),
      slow_(inbox_, limits::kTreeThreads, "dync-tree"),
      copies_(inbox_, limits::kCopyThreads, "dync-copy"),
      context_{config_, worker.log(), worker.loop(), ledger_, ledger_.read().ledger_id(),
               jobs_,   inbox_,       outbox_,       quick_,  slow_,
               copies_, stopping_},
      untar_(worker.loop(), worker.log(), config_.untar, broker),
      admission_(config, ledger_.read(), jobs_),
      publication_(context_),
      extraction_(context_, untar_, publication_),
      parking_(context_),
      checkpoints_(context_),
      orphans_(context_),
      sessions_(context_, admission_, parking_, checkpoints_),
      uploads_(context_, sessions_, checkpoints_, extraction_, publication_),
      socket_(transport_, transport::Type::router, socket_options()) {}

// Rules and plain numbers only: pool threads read paths of the config while this runs.
void Committer::use(const config::Config& config) {
  admission_.use(config);
  config_.limits = config.limits;
  config_.untar = config.untar;
}

void Committer::run() {
  start();
  service::Loop& loop = worker_.loop();
  loop.on_socket(socket_.handle(), [this] { turn(); });
  loop.on_readable(inbox_.event(), [this] { turn(); });
  loop.every(kSlowPeer, [this] {
    if (outbox_.waiting()) outbox_.release(socket_);
  });
  worker_.ready();
  worker_.run();
  stop();
}

void Committer::start() {
  {
    ledger::Batch batch(ledger_);
    ledger_.add_event(std::nullopt, "committer", ledger::events::kStarted,
                      detail({{"version", std::string(kVersion)}}));
    recover(context_, uploads_, worker_.options().fresh);
    posix::crash_point(crash::kReplayed);
    batch.commit();
    posix::crash_point(crash::kRecovered);
  }
  socket_.bind(names::ipc_endpoint(names::committer_socket(worker_.options().runtime_dir)));
  outbox_.release(socket_);
  parking_.keep_looking();
  orphans_.keep_looking();
  keep_ledgers_room();
  worker_.loop().every(limits::kLedgerRenewed, [this] { keep_ledgers_room(); });
}

// From what is kept back: then a full disk stops uploads, never the ledger.
void Committer::keep_ledgers_room() {
  bool kept = false;
  try {
    const std::uint64_t disk = posix::space_of(config_.ledger.parent_path()).total;
    const std::uint64_t most = config::kept_back(config_.limits, disk) / limits::kLedgerShare;
    kept = ledger_.keep_room(std::min(limits::kLedgerAhead, most));
  } catch (const posix::Error& error) {
    worker_.log().debug("ledger.no_room_ahead", {{"error", error.what()}});
  }
  if (std::exchange(ledger_has_room_, kept) && !kept)
    worker_.log().warning("ledger.no_room_ahead", {{"disk", config_.ledger.parent_path().string()}});
}

// The next committer goes on counting from here.
void Committer::stop() {
  stopping_ = true;
  ledger::Batch batch(ledger_);
  parking_.look();
  orphans_.look();
  batch.commit();
}

void Committer::turn() {
  ledger::Batch batch(ledger_);
  for (std::size_t taken = 0; taken < limits::kMostInBatch && take_one(); ++taken) {
  }
  batch.commit();
  outbox_.release(socket_);
}

bool Committer::take_one() {
  const bool message = take_message();
  const Inbox::Action action = inbox_.take();
  if (action) action();
  return message || action;
}

bool Committer::take_message() {
  transport::Message parts;
  if (!socket_.receive(parts)) return false;
  if (parts.size() != 2) throw std::runtime_error("the committer's socket got a message of another protocol");
  const std::string peer(parts[0].text());
  const auto message = ipc::decode(parts[1].text());
  if (!message)
    throw std::runtime_error(peer + " speaks another protocol than " + std::string(ipc::kProtocol));
  uploads_.take(peer, *message);
  return true;
}

}  // namespace dync::committer
