#include "tests/unit/session_pair/server.h"

#include <algorithm>
#include <utility>

#include "schema/limits/limits.h"

// The process, its clients and its checks.
namespace dync::pair {

using namespace std::chrono_literals;
using namespace dync::receiver;

namespace {

// What a client that keeps to the protocol never hears.
bool is_reproach(std::uint32_t code) {
  const auto as = static_cast<wire::Code>(code);
  return as != wire::Code::conflict && as != wire::Code::stopping && as != wire::Code::unknown &&
         as != wire::Code::timeout;
}

}  // namespace

Server::Server(Events& events, Dice& dice, Checks& checks, Network& network, Committer& committer,
               Staging& staging, Manner manner)
    : events_(events),
      dice_(dice),
      checks_(checks),
      network_(network),
      committer_(committer),
      staging_(staging),
      manner_(manner) {
  network_.on_message([this](const std::string& routing_id, const std::string& user,
                             const wire::ClientMessage& message) { on_message(routing_id, user, message); });
}

void Server::start() {
  process_ = std::make_unique<Process>(manner_.budget);
  ++generation_;
  committer_.listen([this](const ipc::Message& message) { on_committer(message); });
  committer_.say(ipc::Hello{});
  later(1s, [this] { tick(); });
}

void Server::die() {
  checks_.note("server", "dies");
  committer_.deaf();
  network_.server_died();
  process_.reset();
  ++generation_;
}

// Runs unless the process dies before.
void Server::later(milliseconds delay, std::function<void()> action) {
  events_.in(delay, [this, action = std::move(action), generation = generation_] {
    if (generation == generation_) action();
  });
}

void Server::tick() {
  std::vector<Session*> sessions;
  process_->registry.each([&](Session& session) { sessions.push_back(&session); });
  // The registry has no order of its own that would be the same for one seed everywhere.
  std::sort(sessions.begin(), sessions.end(),
            [](const Session* a, const Session* b) { return a->routing_id() < b->routing_id(); });
  for (Session* session : sessions) run(*session, session->on_tick(now()));
  process_->registry.expire(now());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now().time_since_epoch()).count();
  if (seconds % limits::kDeliverySpan.count() == 0) process_->book.next_span();
  grant_due();
  later(1s, [this] { tick(); });
}

void Server::on_message(const std::string& routing_id, const std::string& user,
                        const wire::ClientMessage& message) {
  if (!serves()) return;
  Session* session = process_->registry.find(routing_id);
  if (!session) {
    session = &process_->registry.add(
        std::make_unique<Session>(routing_id, user, manner_.terms, process_->book, now()));
  }
  session->heard(user);
  const auto* chunk = std::get_if<wire::PostChunk>(&message);
  if (chunk) process_->chunk_seen.insert(routing_id);
  if (session->state() != State::receiving) process_->gaps.erase(routing_id);
  if (chunk && session->state() == State::receiving) note_gap(*session, chunk->seek);
  run(*session, session->on_message(message, now()), chunk ? chunk->data : std::span<const std::byte>());
  grant_due();
}

void Server::note_gap(const Session& session, std::uint64_t seek) {
  if (seek == session.expected()) process_->gaps.erase(session.routing_id());
  if (seek <= session.expected()) return;
  checks_.happened("a gap");
  process_->gaps.insert(session.routing_id());
}

void Server::run(Session& session, Actions actions, std::span<const std::byte> data) {
  process_->registry.update(session, now());
  for (const Action& action : actions) carry_out(session, action, data);
  process_->registry.update(session, now());
  check_book(session);
}

void Server::carry_out(Session& session, const Action& action, std::span<const std::byte> data) {
  if (const auto* wanted = std::get_if<Send>(&action)) send(session, *wanted);
  if (const auto* wanted = std::get_if<Ask>(&action)) ask(session, wanted->open);
  if (const auto* wanted = std::get_if<Find>(&action)) {
    ipc::Find find = wanted->find;
    find.request = question(session, std::nullopt);
    committer_.say(find);
  }
  if (std::holds_alternative<Withdraw>(action)) withdraw(session.routing_id());
  if (const auto* wanted = std::get_if<Take>(&action)) {
    process_->uploads.at(session.upload()).queue.push_back({wanted->offset, data});
    go_on(session.upload());
  }
  if (const auto* wanted = std::get_if<Complete>(&action)) {
    process_->uploads.at(session.upload()).complete = *wanted;
    go_on(session.upload());
  }
  if (const auto* wanted = std::get_if<Abort>(&action)) {
    Upload& upload = process_->uploads.at(wanted->upload);
    upload.closing = true;
    upload.abort = *wanted;
    go_on(wanted->upload);
  }
  if (const auto* wanted = std::get_if<Park>(&action)) {
    Upload& upload = process_->uploads.at(wanted->upload);
    upload.closing = true;
    upload.park = *wanted;
    upload.key = session.user() + session.key()->hex();
    process_->parking[upload.key] = wanted->upload;
    go_on(wanted->upload);
  }
  if (const auto* wanted = std::get_if<Release>(&action)) process_->uploads.erase(wanted->upload);
}

void Server::send(Session& session, const Send& wanted) {
  check_sent(session, wanted);
  const Network::Sent sent = network_.send(session.routing_id(), wanted.message);
  if (sent == Network::Sent::gone) session.connection_gone(now());
  if (sent != Network::Sent::done) return;
  session.granted(wanted);
  check_grant(session, wanted);
  if (wanted.nudge && wanted.grant > 0) checks_.happened("nudged");
}

void Server::check_sent(const Session& session, const Send& wanted) {
  if (const auto* error = std::get_if<wire::ServerError>(&wanted.message)) {
    checks_.happened("error " + std::to_string(error->code));
    checks_.expect(!is_reproach(error->code), "a client that keeps to the protocol is told an error",
                   session.routing_id() + ": " + text_of(wanted.message));
  }
  if (session.original() && std::holds_alternative<wire::StatusReport>(wanted.message))
    checks_.expect(process_->chunk_seen.contains(session.routing_id()),
                   "an original gets a status-report before its first chunk", session.routing_id());
}

void Server::check_grant(const Session& session, const Send& sent) const {
  if (sent.grant == 0 || !session.member()) return;
  const CreditBook& book = process_->book;
  const CreditBook::Member member = *session.member();
  const std::uint64_t told = std::max(book.told(member), book.taken(member));
  const std::uint64_t known = sent.nudge ? book.limit(member) : told;
  const std::uint64_t beyond = known - book.written(member);
  if (session.original()) {
    const std::uint64_t most = limits::kOriginalQueue - (sent.nudge ? 0 : limits::kOriginalReserve);
    checks_.expect(beyond <= most, "an original may have more on the way than it keeps",
                   session.routing_id() + ": " + std::to_string(beyond));
  }
  if (!sent.nudge) {
    const bool could_go_on = book.limit(member) - sent.grant > book.taken(member);
    checks_.expect(!could_go_on || !process_->gaps.contains(session.routing_id()),
                   "credit is granted while a gap is open", session.routing_id());
    checks_.expect(book.used() <= manner_.budget, "a grant goes beyond the budget",
                   session.routing_id() + ": " + std::to_string(book.used()));
  }
}

void Server::check_book(const Session& session) const {
  if (!session.member()) return;
  const CreditBook& book = process_->book;
  const CreditBook::Member member = *session.member();
  checks_.expect(book.written(member) <= book.taken(member) && book.taken(member) <= book.limit(member),
                 "credit is negative", session.routing_id());
}

void Server::grant_due() {
  while (const auto offer = process_->book.next_offer()) {
    Session* session = process_->registry.of_member(offer->member);
    if (session) run(*session, session->offer(offer->chunks));
  }
}

void Server::expect_empty() {
  checks_.expect(process_ != nullptr, "the server is down at the end", "server");
  if (!process_) return;
  checks_.expect(process_->book.size() == 0 && process_->book.used() == 0 && process_->book.held() == 0,
                 "credit leaks",
                 std::to_string(process_->book.size()) + " members, " +
                     std::to_string(process_->book.used()) + " bytes");
  process_->registry.each([this](const Session& session) {
    checks_.expect(!session.serves(), "a session never ends", session.routing_id());
  });
}

}  // namespace dync::pair
