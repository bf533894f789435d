#include <cerrno>
#include <type_traits>
#include <utility>

#include "proto/posix/crash_point.h"
#include "proto/posix/error.h"
#include "receiver/crash_points.h"
#include "receiver/receiver.h"
#include "schema/limits/limits.h"

// What the committer answers and tells.
namespace dync::receiver {

namespace {

bool is_lost(const posix::Error& error) {
  return error.kind() == posix::Kind::not_found || error.code() == ENODATA;
}

}  // namespace

void Receiver::on_committer(const ipc::Message& message) {
  std::visit(
      [&](const auto& told) {
        using Told = std::remove_cvref_t<decltype(told)>;
        if constexpr (std::is_same_v<Told, ipc::Opened>) on_opened(told);
        if constexpr (std::is_same_v<Told, ipc::Refused>) on_refused(told);
        if constexpr (std::is_same_v<Told, ipc::Finished>) on_finished(told);
        if constexpr (std::is_same_v<Told, ipc::Restore>) on_restore(told);
        if constexpr (std::is_same_v<Told, ipc::Restored>) on_restored();
        if constexpr (std::is_same_v<Told, ipc::Committed>) on_committed(told);
        if constexpr (std::is_same_v<Told, ipc::Failed>) on_failed(told);
        if constexpr (std::is_same_v<Told, ipc::Checkpointed>) on_checkpointed(told);
        if constexpr (std::is_same_v<Told, ipc::NoPartial>) data_.give_up_one();
      },
      message);
}

Session* Receiver::session_of_answer(std::uint64_t request) {
  const auto routing_id = committer_.answered(request);
  if (!routing_id) committer_.withdrawn(request);
  return routing_id ? registry_.find(*routing_id) : nullptr;
}

void Receiver::on_opened(const ipc::Opened& opened) {
  const auto routing_id = committer_.answered(opened.request);
  Session* session = routing_id ? registry_.find(*routing_id) : nullptr;
  if (!session) return on_unwanted(opened);
  if (session->state() != State::opening) return;
  if (!opened.upload.empty() && !open_data(*session, opened)) return;
  log().info("session.opened",
             {{"upload", opened.upload.hex()}, {"user", session->user()}, {"bytes", opened.seek}});
  run(*session, session->on_opened(opened, now()));
}

// False if it can't: the session has been told. A partial is given up only if its bytes are gone.
bool Receiver::open_data(Session& session, const ipc::Opened& opened) {
  committer_.opened(opened.upload);
  wire::Refusal why{wire::Code::stopping,
                    "the server has as many uploads as it can take, send the file again later"};
  try {
    if (data_.open(opened, session.chunk_size(), session.declared_size())) return true;
  } catch (const posix::Error& error) {
    log().error("session.lost", {{"upload", opened.upload.hex()}, {"error", error.what()}});
    why = opened.seek > 0 && !is_lost(error)
              ? wire::Refusal{wire::Code::stopping,
                              "the server can't read what it has of this file now, send it again later"}
              : wire::Refusal{wire::Code::internal, kLostData};
  }
  if (why.code == wire::Code::stopping && opened.seek > 0) {
    committer_.park({opened.upload, opened.epoch, opened.seek, why.sentence});
  } else {
    committer_.abort({opened.upload, why.code, why.sentence});
  }
  run(session, session.on_refused(why));
  return false;
}

// The session gave up before the answer came. A second question of the same client may have opened the same
// upload meanwhile; that one goes on.
void Receiver::on_unwanted(const ipc::Opened& opened) {
  const auto open = committer_.withdrawn(opened.request);
  if (!open || opened.upload.empty()) return;
  const Session* serving = registry_.of_upload(opened.upload);
  if (serving && serving->serves()) return;
  const Session* asking = open->options ? registry_.of_key(open->user, open->options->key, nullptr)
                                        : registry_.find(open->routing_id);
  if (asking && asking->state() == State::opening) return;
  committer_.opened(opened.upload);
  const std::string why = "the client had gone when the upload was opened";
  if (opened.seek > 0) return on_parked({opened.upload, opened.epoch, opened.seek, why});
  on_closed({opened.upload, wire::Code::timeout, why});
}

void Receiver::on_refused(const ipc::Refused& refused) {
  Session* session = session_of_answer(refused.request);
  if (session) run(*session, session->on_refused(refused.refusal));
}

void Receiver::on_finished(const ipc::Finished& finished) {
  Session* session = session_of_answer(finished.request);
  if (session) run(*session, session->on_receipt(finished.receipt));
}

void Receiver::on_restore(const ipc::Restore& restore) {
  if (bound_ || registry_.of_upload(restore.upload)) return;
  const ipc::Open& opened = restore.session;
  // An original can rewind only to the start of a chunk.
  const std::uint64_t unit = opened.options || opened.chunk_size == 0 ? 1 : opened.chunk_size;
  const auto bytes = restore_data(restore, unit);
  if (!bytes) return;
  log().info("session.restored",
             {{"upload", restore.upload.hex()}, {"user", opened.user}, {"bytes", *bytes}});
  restored_.push_back(restore.upload);
  // Two on one connection: the first was given up, but the committer has not heard of it.
  Session* given_up = registry_.find(opened.routing_id);
  if (given_up && given_up->state() == State::receiving)
    run(*given_up, given_up->on_broken({wire::Code::conflict, "the connection began another upload"}));
  Session& session =
      registry_.add(std::make_unique<Session>(opened.routing_id, opened.user, terms_, book_, now()));
  run(session, session.on_restored(restore, *bytes, now()));
}

// Nothing if its staging is gone or can't be used, or no mark is free: the committer has been told. Where
// this process itself is short of something it ends: it is tried again, and no upload is lost for it.
std::optional<std::uint64_t> Receiver::restore_data(const ipc::Restore& restore, std::uint64_t unit) {
  try {
    if (const auto bytes = data_.restore(restore, unit)) return bytes;
  } catch (const posix::Error& error) {
    if (error.kind() == posix::Kind::exhausted) throw;
    log().error("session.lost", {{"upload", restore.upload.hex()}, {"error", error.what()}});
    const bool may_wait = restore.session.options && !restore.client_sha256 && !is_lost(error);
    if (may_wait) {
      on_parked({restore.upload, restore.epoch, restore.seek, error.what()});
      return std::nullopt;
    }
  }
  on_closed({restore.upload, wire::Code::internal, kLostData});
  return std::nullopt;
}

void Receiver::on_restored() {
  committer_.restored();
  if (bound_) return;
  posix::crash_point(crash::kRestored);
  data_.keep_only(restored_);
  bind();
}

void Receiver::on_checkpointed(const ipc::Checkpointed& checkpointed) {
  committer_.checkpointed(checkpointed.upload);
  data_.checkpointed(checkpointed);
}

void Receiver::on_committed(const ipc::Committed& committed) {
  committer_.ended(committed.upload);
  Session* session = registry_.of_upload(committed.upload);
  log().info("upload.finished", {{"upload", committed.upload.hex()}});
  if (session) {
    run(*session, session->on_receipt(committed.receipt));
  } else {
    data_.close(committed.upload, std::nullopt);
  }
}

void Receiver::on_failed(const ipc::Failed& failed) {
  committer_.ended(failed.upload);
  Session* session = registry_.of_upload(failed.upload);
  log().info("upload.failed", {{"upload", failed.upload.hex()},
                               {"code", static_cast<std::uint32_t>(failed.refusal.code)},
                               {"why", failed.refusal.sentence}});
  if (session) {
    run(*session, session->on_failed(failed.refusal));
  } else {
    data_.close(failed.upload, std::nullopt);
  }
}

}  // namespace dync::receiver
