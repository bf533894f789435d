#include "tests/unit/session_pair/our_client.h"

#include <algorithm>
#include <utility>

namespace dync::pair {

using namespace std::chrono_literals;
using client::Transfer;
using client::Want;
using Kind = Want::Kind;

namespace {

// More wants at one moment than anything sensible needs.
constexpr int kSpinning = 5000;
constexpr milliseconds kAgain{20};

}  // namespace

OurClient::OurClient(Events& events, Dice& dice, Checks& checks, Network& network, std::string user,
                     Link::Manner link, Manner manner, std::vector<File> files)
    : events_(events),
      dice_(dice),
      checks_(checks),
      manner_(manner),
      link_(network, *this, std::move(user), link),
      files_(std::move(files)) {}

void OurClient::start() {
  link_.open(true);
  begin();
  work();
}

void OurClient::begin() {
  const File& file = files_[at_];
  shared_ = at_ > 0 && transfer_->reusable() && !manner_.known;
  if (at_ > 0 && !shared_) link_.open(true);
  client::Upload upload{file.name, "{}", file.key, file.size, 1};
  upload.known = manner_.known;
  if (manner_.stream) upload.size = upload.mtime_ns = std::nullopt;
  transfer_.emplace(upload, client::Patience{}, client::Start{link_.ready(), ours_, shared_}, events_.now());
  source_until_.reset();
  sent_to_ = 0;
}

void OurClient::hear(const wire::ServerMessage& message) {
  if (over()) return;
  if (is_of_earlier_run(message)) {
    end_ = End::known;
    return link_.close();
  }
  transfer_->message(message, events_.now());
  work();
}

// An upload that this run has never heard of is finished: it can only be the one that it has just asked for,
// which another run has sent meanwhile. A Transfer that shares its connection waits on; locks on the keys
// keep the program from such a race.
bool OurClient::is_of_earlier_run(const wire::ServerMessage& message) {
  const auto* approved = std::get_if<wire::UploadApproved>(&message);
  if (approved && approved->options) heard_of_.insert(approved->options->upload_id.hex());
  const auto* finished = std::get_if<wire::UploadFinished>(&message);
  return finished && shared_ && !transfer_->approved() && !heard_of_.contains(finished->upload_id);
}

void OurClient::connected() {
  if (over()) return;
  transfer_->connection_ready(events_.now());
  work();
}

void OurClient::lost() {
  if (over()) return;
  transfer_->connection_lost(events_.now());
  work();
}

void OurClient::bytes_moved() {
  if (!over() && transfer_) transfer_->link_moved(events_.now());
}

// As Sender::turn() without its waits. A link may tell of its loss while it is being closed.
void OurClient::work() {
  if (working_ || over()) return;
  working_ = true;
  transfer_->tick(events_.now());
  bool done = true;
  int wants = 0;
  for (Want want = transfer_->want(events_.now()); done && !over() && want.kind != Kind::nothing;
       want = transfer_->want(events_.now())) {
    checks_.expect(++wants < kSpinning, "the client spins", files_[at_].name);
    if (wants >= kSpinning) break;
    done = carry_out(want);
  }
  working_ = false;
  if (transfer_->over()) return ended();
  wake_at(done ? std::max(transfer_->deadline(), events_.now() + 1ms) : events_.now() + kAgain);
}

void OurClient::wake_at(Time when) {
  if (when >= wake_at_) return;
  wake_at_ = when;
  events_.at(when, [this, when] {
    if (wake_at_ != when) return;
    wake_at_ = Time::max();
    work();
  });
}

bool OurClient::carry_out(const Want& want) {
  bool done = true;
  switch (want.kind) {
    case Kind::chunk:
      return send_chunk(want);
    case Kind::post_file:
      done = link_.send(transfer_->post_file());
      break;
    case Kind::digest:
      transfer_->hashed(files_[at_].sha256);
      return true;
    case Kind::query_status:
      done = link_.send(wire::QueryStatus{});
      break;
    case Kind::error:
      done = link_.send(transfer_->error());
      break;
    case Kind::reopen:
      link_.open(want.fresh_id);
      break;
    case Kind::nothing:
      break;
  }
  if (done) transfer_->sent(want, events_.now());
  return done;
}

bool OurClient::send_chunk(const Want& want) {
  const File& file = files_[at_];
  const std::uint64_t window = std::uint64_t{transfer_->max_queue()} * transfer_->chunk_size();
  checks_.expect(!manner_.stream || want.seek + window >= sent_to_,
                 "a stream is to be rewound beyond its window",
                 file.name + " at " + std::to_string(want.seek));
  if (source_until_ || dice_.chance(manner_.source_waits)) {
    wait_for_source();
    return true;
  }
  std::uint64_t bytes = std::min<std::uint64_t>(want.max_bytes, file.size - want.seek);
  if (bytes > 1 && dice_.chance(manner_.small_chunks)) bytes = dice_.number(1, bytes);
  const auto last = bytes == 0 ? std::optional(file.sha256) : std::nullopt;
  if (!link_.send(wire::PostChunk{last.has_value(), want.seek, file.part(want.seek, bytes), last}))
    return false;
  transfer_->sent_chunk(want.seek, static_cast<std::size_t>(bytes), last, events_.now());
  sent_to_ = std::max(sent_to_, want.seek + bytes);
  return true;
}

void OurClient::wait_for_source() {
  transfer_->source_waits();
  if (source_until_) return;
  source_until_ = events_.now() + dice_.between(1ms, manner_.longest_wait);
  events_.at(*source_until_, [this, file = at_] {
    if (over() || file != at_) return;
    source_until_.reset();
    transfer_->source_ready();
    work();
  });
}

void OurClient::failed(const client::Failure& failure) {
  complaint_ = files_[at_].name + ": " + std::to_string(failure.code) + " " + failure.sentence;
  const bool taken = failure.code == static_cast<std::uint32_t>(wire::Code::conflict);
  end_ = taken ? End::again : End::failed;
  link_.close();
}

void OurClient::ended() {
  if (const auto* failure = std::get_if<client::Failure>(&transfer_->outcome())) return failed(*failure);
  ours_ = transfer_->ours();
  if (++at_ == files_.size()) {
    end_ = End::stored;
    return link_.close();
  }
  begin();
  work();
}

}  // namespace dync::pair
