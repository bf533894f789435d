#include <utility>

#include "tests/unit/session_pair/server.h"

// The simulated committer's answers and the simulated disk: the other half of Server.
namespace dync::pair {

using namespace std::chrono_literals;
using namespace dync::receiver;

// ---- committer ----

std::uint64_t Server::question(const Session& session, std::optional<ipc::Open> open) {
  process_->questions[++requests_] = {session.routing_id(), true, std::move(open)};
  return requests_;
}

void Server::withdraw(const std::string& routing_id) {
  for (auto& [request, question] : process_->questions)
    if (question.routing_id == routing_id) question.wanted = false;
}

void Server::ask(Session& session, ipc::Open open) {
  if (open.options && !make_room_for_key(session, open)) return;
  if (open.options && open.options->replaces) {
    Session* other = process_->registry.of_key(open.user, *open.options->replaces, &session);
    if (other && other->state() != State::finishing) displace(*other, open, false);
  }
  if (!open.options) {
    Session* other = process_->registry.of_original(open.user, open.filename);
    if (other && other->may_be_taken_over(now())) displace(*other, open, false);
  }
  if (open.options && !open.after) {
    const auto parking = process_->parking.find(open.user + open.options->key.hex());
    if (parking != process_->parking.end()) open.after = parking->second;
  }
  open.request = question(session, open);
  committer_.say(open);
}

// False if the session has its answer already.
bool Server::make_room_for_key(Session& session, ipc::Open& open) {
  Session* other = process_->registry.of_key(open.user, open.options->key, &session);
  if (!other) return true;
  if (!other->same_file(*open.options)) {
    run(session, session.on_refused({wire::Code::conflict, "the file has changed"}));
    return false;
  }
  const bool complete = other->state() == State::finishing;
  if (complete) {
    checks_.happened("handed over complete");
    run(session, session.take_place_of(*other));
  }
  displace(*other, open, true);
  return !complete;
}

void Server::displace(Session& other, ipc::Open& open, bool park) {
  checks_.happened(open.options ? "taken over" : "an original taken over");
  if (other.state() == State::receiving) open.after = other.upload();
  run(other, other.give_way({wire::Code::conflict, "another connection has it now"}, park));
}

void Server::on_committer(const ipc::Message& message) {
  std::visit([this](const auto& each) { on(each); }, message);
  if (process_) grant_due();
}

Server::Session* Server::session_of(std::uint64_t request) {
  const auto question = process_->questions.extract(request);
  if (!question || !question.mapped().wanted) return nullptr;
  return process_->registry.find(question.mapped().routing_id);
}

void Server::on(const ipc::Opened& opened) {
  const auto question = process_->questions.find(opened.request);
  if (question == process_->questions.end()) return;
  const ipc::Open open = *question->second.open;
  Session* session = session_of(opened.request);
  if (!session) return on_unwanted(opened, open);
  if (session->state() != State::opening) return;
  open_upload(opened.upload, opened.epoch, opened.seek);
  run(*session, session->on_opened(opened, now()));
}

void Server::on_unwanted(const ipc::Opened& opened, const ipc::Open& open) {
  const receiver::Registry& registry = process_->registry;
  const Session* serving = registry.of_upload(opened.upload);
  if (serving && serving->serves()) return;
  const Session* asking =
      open.options ? registry.of_key(open.user, open.options->key, nullptr) : registry.find(open.routing_id);
  if (asking && asking->state() == State::opening) return;
  if (opened.seek > 0) return committer_.say(ipc::Park{opened.upload, opened.epoch, opened.seek, "gone"});
  committer_.say(ipc::Abort{opened.upload, wire::Code::timeout, "gone"});
}

void Server::on(const ipc::Refused& refused) {
  if (Session* session = session_of(refused.request)) run(*session, session->on_refused(refused.refusal));
}

void Server::on(const ipc::Finished& finished) {
  if (Session* session = session_of(finished.request)) run(*session, session->on_receipt(finished.receipt));
}

void Server::on(const ipc::Restore& restore) {
  const ipc::Open& opened = restore.session;
  const std::uint64_t unit = opened.options ? 1 : opened.chunk_size;
  std::uint64_t bytes = restore.seek;
  if (!restore.client_sha256) bytes = staging_[restore.upload].length / unit * unit;
  open_upload(restore.upload, restore.epoch, bytes);
  Session* given_up = process_->registry.find(opened.routing_id);
  if (given_up && given_up->state() == State::receiving)
    run(*given_up, given_up->on_broken({wire::Code::conflict, "the connection began another upload"}));
  if (bytes > 0) process_->chunk_seen.insert(opened.routing_id);
  Session& session = process_->registry.add(
      std::make_unique<Session>(opened.routing_id, opened.user, manner_.terms, process_->book, now()));
  run(session, session.on_restored(restore, bytes, now()));
}

void Server::on(const ipc::Restored& /*restored*/) {
  checks_.note("server", "serves");
  process_->bound = true;
  network_.server_lives();
}

void Server::on(const ipc::Committed& committed) {
  if (Session* session = process_->registry.of_upload(committed.upload)) {
    run(*session, session->on_receipt(committed.receipt));
  } else {
    process_->uploads.erase(committed.upload);
  }
}

// ---- disk: one write of an upload at a time ----

void Server::open_upload(const Id& id, std::uint32_t epoch, std::uint64_t bytes) {
  Staged& staged = staging_[id];
  checks_.expect(bytes <= staged.length, "an upload goes on beyond what is written", id.hex());
  staged.length = bytes;
  process_->uploads[id] = Upload{};
  process_->uploads[id].epoch = epoch + 1;
}

void Server::go_on(const Id& id) {
  const auto found = process_->uploads.find(id);
  if (found == process_->uploads.end() || found->second.busy) return;
  Upload& upload = found->second;
  if (upload.closing && !upload.park) return shut(id);
  if (!upload.queue.empty()) return write(id);
  if (upload.park) return rest(id);
  if (upload.complete) finish(id);
}

void Server::write(const Id& id) {
  Upload& upload = process_->uploads.at(id);
  upload.busy = true;
  const bool stalls = dice_.chance(manner_.writes_stall);
  later(stalls ? dice_.between(1s, 20s) : dice_.between(0ms, manner_.write),
        [this, id, epoch = upload.epoch] {
          const auto found = process_->uploads.find(id);
          if (found == process_->uploads.end() || found->second.epoch != epoch) return;
          found->second.busy = false;
          const Piece piece = found->second.queue.front();
          found->second.queue.pop_front();
          written(id, piece);
        });
}

void Server::written(const Id& id, const Piece& piece) {
  Staged& staged = staging_[id];
  if (staged.length == 0) staged.base = piece.data.data();
  checks_.expect(piece.offset == staged.length, "a chunk is written at another place than the end", id.hex());
  checks_.expect(piece.data.data() == staged.base + piece.offset, "wrong bytes are written", id.hex());
  staged.length += piece.data.size();
  if (!process_->uploads.at(id).closing)
    if (Session* session = process_->registry.of_upload(id)) {
      session->on_written(piece.data.size());
      check_book(*session);
    }
  grant_due();
  go_on(id);
}

void Server::finish(const Id& id) {
  process_->uploads.at(id).busy = true;
  later(dice_.between(0ms, manner_.write * 4), [this, id, epoch = process_->uploads.at(id).epoch] {
    const auto found = process_->uploads.find(id);
    if (found == process_->uploads.end() || found->second.epoch != epoch) return;
    Upload& upload = found->second;
    upload.busy = false;
    if (upload.closing) return go_on(id);
    checks_.expect(staging_[id].length == upload.complete->size, "an upload is complete without all bytes",
                   id.hex());
    committer_.say(ipc::AllReceived{id, upload.epoch, upload.complete->size, upload.complete->expected, {}});
    upload.complete.reset();
  });
}

void Server::shut(const Id& id) {
  const auto upload = process_->uploads.extract(id);
  if (const auto& abort = upload.mapped().abort)
    committer_.say(ipc::Abort{abort->upload, abort->why.code, abort->why.sentence});
}

void Server::rest(const Id& id) {
  const auto upload = process_->uploads.extract(id);
  process_->parking.erase(upload.mapped().key);
  committer_.say(ipc::Park{id, upload.mapped().epoch, staging_[id].length, upload.mapped().park->why});
}

}  // namespace dync::pair
