#include "hasher/uploads.h"

#include "hasher/crash_points.h"
#include "proto/posix/crash_point.h"
#include "proto/posix/error.h"
#include "schema/limits/limits.h"

namespace dync::hasher {
namespace {

ipc::Message message_of(const Outcome& outcome) {
  return std::visit([](const auto& told) { return ipc::Message(told); }, outcome);
}

}  // namespace

Uploads::Uploads(const ipc::SharedMemory& memory, OpenStaged open, Tell tell, const service::Log& log)
    : memory_(memory),
      open_(std::move(open)),
      tell_(std::move(tell)),
      log_(log),
      buffer_(limits::kHashRead) {}

void Uploads::take(const ipc::Message& message, Clock::time_point now) {
  if (const auto* chunk = std::get_if<ipc::Chunk>(&message))
    hint(*chunk, now);
  else if (const auto* first = std::get_if<ipc::Begin>(&message))
    begin(*first, now);
  else if (const auto* planned = std::get_if<ipc::Plan>(&message))
    plan(*planned);
  else if (const auto* last = std::get_if<ipc::End>(&message))
    end(*last, now);
  else if (const auto* drop = std::get_if<ipc::Drop>(&message))
    entries_.erase(drop->upload);
  else
    log_.error("hasher.message_unexpected", {{"type", message.index()}});
}

void Uploads::begin(const ipc::Begin& begin, Clock::time_point now) {
  if (begin.mark >= memory_.sizes().marks) {
    log_.error("hasher.mark_unknown", {{"upload", begin.upload.hex()}, {"mark", begin.mark}});
    return;
  }
  const auto found = entries_.find(begin.upload);
  const bool known = found != entries_.end() && !found->second.hashing.is_over();
  if (known && found->second.hashing.epoch() >= begin.epoch) return;
  if (found != entries_.end()) entries_.erase(found);
  entries_.emplace(begin.upload, Entry{Hashing(memory_, begin, now)});
  posix::crash_point(crash::kBegun);
}

void Uploads::hint(const ipc::Chunk& chunk, Clock::time_point now) {
  const auto found = entries_.find(chunk.upload);
  if (found == entries_.end()) return;
  found->second.hashing.hint(chunk, now);
  queue(chunk.upload, found->second, now);
}

void Uploads::plan(const ipc::Plan& plan) {
  const auto found = entries_.find(plan.upload);
  if (found == entries_.end() || plan.epoch != found->second.hashing.epoch()) return;
  Entry& entry = found->second;
  entry.hashing.plan(plan);
  // Planned again: nobody has heard of it.
  if (entry.checkpoint_told == plan.offset) entry.checkpoint_told = 0;
  tell(entry);
}

void Uploads::end(const ipc::End& end, Clock::time_point now) {
  const auto found = entries_.find(end.upload);
  if (found == entries_.end()) {
    log_.warning("hasher.end_without_begin", {{"upload", end.upload.hex()}});
    return;
  }
  Entry& entry = found->second;
  if (end.epoch != entry.hashing.epoch()) return;
  entry.told = false;  // a receiver that asks again has not heard
  entry.hashing.end(end);
  queue(end.upload, entry, now);
  tell(entry);
}

void Uploads::look(Clock::time_point now) {
  // A receiver that died could not say Drop.
  std::erase_if(entries_, [](const auto& item) { return item.second.hashing.is_over(); });
  for (auto& [upload, entry] : entries_) {
    queue(upload, entry, now);
    tell(entry);
  }
}

void Uploads::work(Clock::time_point now) {
  std::size_t done = 0;
  for (std::size_t left = ready_.size(); left > 0 && done < limits::kHashTurn; --left) {
    const wire::Id upload = ready_.front();
    ready_.pop_front();
    done += work_on(upload, now);
  }
}

std::size_t Uploads::work_on(const wire::Id& upload, Clock::time_point now) {
  const auto found = entries_.find(upload);
  if (found == entries_.end() || !found->second.queued) return 0;
  Entry& entry = found->second;
  entry.queued = false;
  try {
    const std::size_t done = entry.hashing.turn(open_, buffer_, now);
    if (entry.hashing.outcome()) {
      posix::crash_point(crash::kVerdict);
      log_outcome(entry);
    }
    tell(entry);
    queue(upload, entry, now);
    return done;
  } catch (const posix::Error& error) {
    // No descriptor or no memory left: look() comes back to it.
    log_.warning("hasher.waits", {{"upload", upload.hex()}, {"error", error.what()}});
    return 0;
  }
}

void Uploads::queue(const wire::Id& upload, Entry& entry, Clock::time_point now) {
  if (entry.queued || !entry.hashing.has_work(now)) return;
  entry.queued = true;
  ready_.push_back(upload);
}

void Uploads::tell(Entry& entry) {
  tell_checkpoint(entry);
  if (!entry.hashing.outcome() || entry.told) return;
  entry.told = tell_(message_of(*entry.hashing.outcome()));
}

void Uploads::tell_checkpoint(Entry& entry) {
  const auto& checkpoint = entry.hashing.checkpoint();
  if (!checkpoint || checkpoint->state.length == entry.checkpoint_told) return;
  if (!tell_(*checkpoint)) return;
  entry.checkpoint_told = checkpoint->state.length;
  posix::crash_point(crash::kCheckpoint);
}

void Uploads::tell_again() {
  for (auto& item : entries_) {
    item.second.checkpoint_told = 0;
    item.second.told = false;
    tell(item.second);
  }
}

void Uploads::log_outcome(const Entry& entry) const {
  const Outcome& outcome = *entry.hashing.outcome();
  if (const auto* unreadable = std::get_if<ipc::Unreadable>(&outcome)) {
    log_.error("upload.unreadable", {{"upload", unreadable->upload.hex()}, {"error", unreadable->sentence}});
    return;
  }
  const auto& verdict = std::get<ipc::Verdict>(outcome);
  if (verdict.matches && !entry.hashing.was_confirmed()) return;
  log_.warning("upload.hashed_twice", {{"upload", verdict.upload.hex()},
                                       {"matches", verdict.matches ? "yes" : "no"},
                                       {"size", verdict.size},
                                       {"sha256", digest::to_hex(verdict.sha256)}});
}

}  // namespace dync::hasher
