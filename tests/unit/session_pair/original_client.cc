#include "tests/unit/session_pair/original_client.h"

#include <algorithm>
#include <utility>

#include "schema/limits/limits.h"

namespace dync::pair {

using namespace std::chrono_literals;

OriginalClient::OriginalClient(Events& events, Dice& dice, Network& network, std::string user,
                               Link::Manner link, Manner manner, File file)
    : events_(events),
      dice_(dice),
      manner_(manner),
      link_(network, *this, std::move(user), link),
      file_(std::move(file)) {}

ClientModel::End OriginalClient::end() const {
  if (state_ != State::over) return End::none;
  if (stored_) return End::stored;
  return again_later_ ? End::again : End::failed;
}

void OriginalClient::start() {
  link_.open(true);
  link_.send(wire::PostFile{file_.name, "{}", std::nullopt});
  work();
}

void OriginalClient::hear(const wire::ServerMessage& message) {
  inbox_.push_back(message);
  work();
}

// One thing after the other: sends while it may, else takes the next message, else waits for one.
void OriginalClient::work() {
  while (state_ != State::over && !source_waits_) {
    if (state_ == State::sending && credit_ > 0 && pending()) {
      send_next();
    } else if (!inbox_.empty()) {
      const wire::ServerMessage message = inbox_.front();
      inbox_.pop_front();
      ++waits_;
      tries_ = 0;
      on_message(message);
    } else {
      return wait_for_message();
    }
  }
}

void OriginalClient::wait_for_message() {
  events_.in(limits::kQueryAfter, [this, wait = ++waits_] {
    if (wait == waits_ && state_ != State::over) silence();
  });
}

void OriginalClient::silence() {
  if (state_ == State::asking) return die("no answer to post-file");
  if (++tries_ > limits::kQueryTries) return die("no answer to all its query-status");
  link_.send(wire::QueryStatus{});
  work();
}

void OriginalClient::on_message(const wire::ServerMessage& message) {
  if (const auto* error = std::get_if<wire::ServerError>(&message)) return on_error(*error);
  if (const auto* approved = std::get_if<wire::UploadApproved>(&message)) return on_approval(*approved);
  if (state_ == State::asking) return die("something else than an approval: " + text_of(message));
  if (const auto* report = std::get_if<wire::StatusReport>(&message)) return on_report(*report);
  if (const auto* credit = std::get_if<wire::TransferCredit>(&message)) {
    credit_ += credit->amount;
    if (credit_ > 0 && !pending()) send_next();
    return;
  }
  stored_ = true;
  state_ = State::over;
  link_.close();
}

void OriginalClient::on_approval(const wire::UploadApproved& approved) {
  if (state_ != State::asking) return die("a second approval");
  state_ = State::sending;
  credit_ = approved.credit;
  chunk_size_ = approved.chunk_size;
  max_queue_ = approved.max_queue;
}

void OriginalClient::on_report(const wire::StatusReport& report) {
  if (kept_.empty()) return die("a status-report before the first chunk");
  const auto from =
      std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) { return kept.seek == report.seek; });
  if (from == kept_.end())
    return die("can't rewind to " + std::to_string(report.seek) + ", the chunks that are kept begin from " +
               std::to_string(kept_.front().seek) + " to " + std::to_string(kept_.back().seek));
  again_ = static_cast<std::size_t>(kept_.end() - from);
  credit_ = report.credit;
}

void OriginalClient::on_error(const wire::ServerError& error) {
  again_later_ = error.code == static_cast<std::uint32_t>(wire::Code::conflict);  // another run took it over
  die(text_of(wire::ServerMessage(error)));
}

void OriginalClient::send_next() {
  if (again_ == 0) {
    if (!finished_ && dice_.chance(manner_.source_waits) && !std::exchange(was_waiting_, true)) {
      source_waits_ = true;
      return events_.in(dice_.between(1ms, manner_.longest_wait), [this] {
        source_waits_ = false;
        work();
      });
    }
    was_waiting_ = false;
    read_next();
    again_ = 1;
  }
  const Kept& chunk = kept_[kept_.size() - again_--];
  const auto sha256 = chunk.last ? std::optional(file_.sha256) : std::nullopt;
  link_.send(wire::PostChunk{chunk.last, chunk.seek, file_.part(chunk.seek, chunk.bytes), sha256});
  --credit_;
}

// After the end: an empty last chunk, each time anew, and each pushes a kept one out.
void OriginalClient::read_next() {
  const std::uint64_t bytes = std::min<std::uint64_t>(chunk_size_, file_.size - end_);
  kept_.push_back({end_, bytes, bytes == 0});
  if (kept_.size() > max_queue_) kept_.pop_front();
  end_ += bytes;
  finished_ = bytes == 0;
}

// Without an approval it is the network's doing: that got lost, and nobody sends it again. Or it is too
// early.
void OriginalClient::die(std::string why) {
  again_later_ = again_later_ || state_ == State::asking;
  complaint_ = file_.name + ": " + std::move(why);
  state_ = State::over;
  link_.close();
}

}  // namespace dync::pair
