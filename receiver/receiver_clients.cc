#include <type_traits>
#include <utility>

#include "receiver/receiver.h"
#include "schema/limits/limits.h"

// What comes from clients, and what sessions want done.
namespace dync::receiver {
namespace {

std::vector<wire::FrameView> views_of(std::span<transport::Frame> frames) {
  std::vector<wire::FrameView> views;
  views.reserve(frames.size());
  for (const transport::Frame& frame : frames) views.push_back(frame.bytes());
  return views;
}

// The frame that a chunk's data lies in.
transport::Frame* data_frame(std::span<transport::Frame> frames, const wire::ClientMessage& message) {
  const auto* chunk = std::get_if<wire::PostChunk>(&message);
  if (!chunk) return nullptr;
  for (transport::Frame& frame : frames)
    if (std::as_const(frame).bytes().data() == chunk->data.data()) return &frame;
  return nullptr;
}

constexpr std::size_t kOptionsAt = 4;  // in a post-file

// Our client tells an answer to its post-file by the key, so one that is malformed elsewhere is read once
// more with its name and metadata replaced.
std::optional<Id> key_of(std::span<transport::Frame> frames) {
  std::vector<wire::FrameView> views = views_of(frames);
  if (views.size() != kOptionsAt + 1) return std::nullopt;
  views[2] = std::as_bytes(std::span("name", 4));
  views[3] = std::as_bytes(std::span("{}", 2));
  const auto decoded = wire::decode_client(views);
  const auto* message = std::get_if<wire::ClientMessage>(&decoded);
  const auto* post = message ? std::get_if<wire::PostFile>(message) : nullptr;
  return post && post->options ? std::optional(post->options->key) : std::nullopt;
}

}  // namespace

void Receiver::on_client(const Incoming& incoming) {
  auto decoded = wire::decode_client(views_of(incoming.frames));
  auto* message = std::get_if<wire::ClientMessage>(&decoded);
  if (turned_away(incoming)) return;
  if (message) return serve(incoming, *message);
  if (stopping_) return;
  const auto& malformed = std::get<wire::Refusal>(decoded);
  log().warning("client.malformed", {{"user", incoming.user}, {"why", malformed.sentence}});
  Session* session = registry_.find(incoming.routing_id);
  if (!session) return refuse(incoming, malformed);
  run(*session, session->on_malformed(malformed, key_of(incoming.frames), now()));
}

// True for a key that is not listed any more, and for a routing id that is another user's. Nothing of the
// session is touched but that it keeps silent until its owner speaks.
bool Receiver::turned_away(const Incoming& incoming) {
  Session* session = registry_.find(incoming.routing_id);
  if (!gate_.listed(incoming.public_key, incoming.user)) {
    if (session) session->heard({});
    refuse(incoming, {wire::Code::forbidden, "this key is not listed any more, ask the server's operator"});
    return true;
  }
  if (!session || session->heard(incoming.user)) return false;
  refuse(incoming, {wire::Code::forbidden,
                    "this is another user's upload, use a new connection with a fresh routing id"});
  return true;
}

void Receiver::refuse(const Incoming& incoming, const wire::Refusal& why) {
  log().info(
      "client.told",
      {{"user", incoming.user}, {"code", static_cast<std::uint32_t>(why.code)}, {"why", why.sentence}});
  front_.send(incoming.routing_id,
              wire::ServerError{static_cast<std::uint32_t>(why.code), why.sentence, key_of(incoming.frames)});
}

void Receiver::serve(const Incoming& incoming, const wire::ClientMessage& message) {
  if (stopping_) {
    const Session* known = registry_.find(incoming.routing_id);
    const Rule rule = rule_for(known ? known->state() : State::none, Input::post_file);
    if (std::holds_alternative<wire::PostFile>(message) && rule == Rule::open)
      refuse(incoming, {wire::Code::stopping, "the server is stopping, send the file again later"});
    return;
  }
  const Time at = now();
  Session& session = session_for(incoming, at);
  const State before = session.state();
  const std::uint64_t expected = session.expected();
  Actions actions = session.on_message(message, at);
  if (const auto* chunk = std::get_if<wire::PostChunk>(&message);
      chunk && before == State::receiving && chunk->seek > expected)
    log().debug("session.gap", {{"upload", session.upload().hex()}, {"at", expected}, {"came", chunk->seek}});
  run(session, std::move(actions), data_frame(incoming.frames, message));
}

Session& Receiver::session_for(const Incoming& incoming, Time at) {
  if (Session* known = registry_.find(incoming.routing_id)) return *known;
  Session& session =
      registry_.add(std::make_unique<Session>(incoming.routing_id, incoming.user, terms_, book_, at));
  session.heard(incoming.user);
  return session;
}

void Receiver::run(Session& session, Actions actions, transport::Frame* chunk) {
  const Time at = now();
  registry_.update(session, at);
  for (Action& action : actions) carry_out(session, action, chunk);
  registry_.update(session, at);
}

void Receiver::carry_out(Session& session, Action& action, transport::Frame* chunk) {
  std::visit(
      [&](auto& wanted) {
        using Wanted = std::remove_cvref_t<decltype(wanted)>;
        if constexpr (std::is_same_v<Wanted, Send>) send(session, wanted);
        if constexpr (std::is_same_v<Wanted, Ask>) ask(session, std::move(wanted.open));
        if constexpr (std::is_same_v<Wanted, Find>) committer_.find(std::move(wanted.find));
        if constexpr (std::is_same_v<Wanted, Withdraw>) committer_.withdraw(session.routing_id());
        if constexpr (std::is_same_v<Wanted, Take>)
          data_.take(session.upload(), wanted.offset, std::move(*chunk));
        if constexpr (std::is_same_v<Wanted, Complete>)
          data_.complete(session.upload(), wanted.size, wanted.expected);
        if constexpr (std::is_same_v<Wanted, Abort>) {
          leave(session, wanted.upload);
          data_.close(wanted.upload, ipc::Abort{wanted.upload, wanted.why.code, wanted.why.sentence});
        }
        if constexpr (std::is_same_v<Wanted, Park>) {
          leave(session, wanted.upload);
          data_.park(wanted.upload, wanted.why);
        }
        if constexpr (std::is_same_v<Wanted, Release>) data_.close(wanted.upload, std::nullopt);
      },
      action);
}

// libzmq hands a reply to whoever used the routing id last.
void Receiver::send(Session& session, const Send& wanted) {
  if (const auto* error = std::get_if<wire::ServerError>(&wanted.message)) {
    log().info("session.refused",
               {{"user", session.user()},
                {"upload", session.upload().empty() ? std::string() : session.upload().hex()},
                {"code", error->code},
                {"why", error->message}});
  }
  if (!session.owner_listens()) return;
  const transport::Sent sent = front_.send(session.routing_id(), wanted.message);
  if (sent == transport::Sent::unreachable) session.connection_gone(now());
  if (sent == transport::Sent::done) session.granted(wanted);
}

// What is on its way will need room: where there is little, little is on its way.
void Receiver::grant_due() {
  book_.allow_streams(std::max(limits::kLeastCredit, data_.room() / limits::kRoomForCredit));
  while (const auto offer = book_.next_offer()) {
    Session* session = registry_.of_member(offer->member);
    if (session) run(*session, session->offer(offer->chunks));
  }
}

}  // namespace dync::receiver
