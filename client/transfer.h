#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "client/clock.h"
#include "client/cuts.h"
#include "client/pacer.h"
#include "client/questions.h"
#include "proto/wire/messages.h"
#include "schema/limits/limits.h"

// One upload as a state machine, without sockets, files or a clock: what came in goes to the input functions,
// want() says what to do next, sent() and sent_chunk() say that it was done. A thing that could not be done
// (no connection, no data yet) is simply wanted again.
namespace dync::client {

struct Upload {
  std::string filename;
  std::string metadata;  // a JSON object
  wire::Id key;
  std::optional<std::uint64_t> size;     // absent for a stream
  std::optional<std::int64_t> mtime_ns;  // absent for a stream
  std::optional<wire::Id> replaces{};    // the key of an upload that this one puts an end to
  bool known = false;                    // the server may have heard of it from an earlier run
};

struct Patience {
  std::chrono::milliseconds query = limits::kQueryAfter;  // silence before query-status
  std::chrono::milliseconds idle = limits::kIdleQuery;    // own silence while the source has nothing
  std::chrono::milliseconds give_up = limits::kQueryAfter * limits::kQueryTries;
};
// Gives up after so long, and asks before that.
Patience patience_for(std::chrono::milliseconds give_up);

// What the connection is like when an upload begins on it.
struct Start {
  bool connected = false;
  bool ours = false;    // the server has sent options before
  bool shared = false;  // the connection carried an upload before: late messages of that one may come
  double rate = 0;      // bytes a second that the connection carried, 0 if not known
};

struct Want {
  enum class Kind { nothing, post_file, query_status, chunk, digest, error, reopen };
  Kind kind = Kind::nothing;
  std::uint64_t seek = 0;       // chunk: from which byte
  std::uint32_t max_bytes = 0;  // chunk
  bool fresh_id = false;        // reopen: with a new routing id, else with the same
  bool routine = false;         // query-status: only to see how fast the link is
};

struct Stored {
  std::string upload_id;
  std::optional<wire::Receipt> receipt;  // none from an original
};

struct Failure {
  std::uint32_t code = 0;  // the server's, 0 if it is the client's own
  std::string sentence;
};

enum class Stage {
  connecting,
  asking,
  refused_for_now,
  waiting,
  sending,
  silent,  // it should have answered by now
  reconnecting,
  verifying,
  over
};

class Transfer {
 public:
  Transfer(Upload upload, Patience patience, Start start, Time now);

  // ---- what happened ----
  void message(const wire::ServerMessage& message, Time now);
  void connection_ready(Time now);
  void connection_lost(Time now);
  void sent(const Want& want, Time now);  // all kinds but chunks
  void sent_chunk(std::uint64_t seek, std::size_t bytes, std::optional<digest::Digest> last, Time now);
  void hashed(const digest::Digest& digest);  // digest: the whole file's
  void source_waits();  // no data at the wanted position yet; nothing more is wanted of it until:
  void source_ready();
  void link_moved(Time now) { moved_ = now; }  // libzmq took bytes: the connection is slow, not mute
  // The client's own end of the upload (its source broke, the user interrupts): tells the server, then over.
  void fail(std::string sentence, Time now);
  // The same, but what the server has of it waits there for a later run, if it can.
  void leave(std::string sentence, Time now);
  void tick(Time now);

  // ---- what to do ----
  Want want(Time now) const;
  // When tick() or want() may say something new by itself.
  Time deadline() const;
  wire::PostFile post_file() const;
  wire::ClientError error() const;

  // ---- how it stands ----
  bool over() const noexcept { return phase_ == Phase::over; }
  // Once over: stored, or why not.
  const std::variant<Stored, Failure>& outcome() const noexcept { return outcome_; }
  Stage stage(Time now) const noexcept;
  bool approved() const noexcept { return max_queue_ > 0; }
  bool ours() const noexcept { return ours_; }
  // Once over: a later run should ask for the same key, for the server may have bytes or a receipt under it.
  bool resumable() const noexcept;
  // Once over: the next file may be posted on the same connection.
  bool reusable() const noexcept { return ours_ && connected_ && !gave_up_ && !post_open_; }
  std::uint64_t position() const noexcept { return position_; }
  // The server may have all of it.
  bool last_sent() const noexcept { return last_sent_; }
  // What the server had before this run sent anything.
  std::uint64_t found() const noexcept { return found_.value_or(0); }
  double rate() const noexcept { return pacer_.rate(); }
  std::uint32_t chunk_size() const noexcept { return chunk_size_; }
  std::uint32_t max_queue() const noexcept { return max_queue_; }
  std::uint32_t attempts() const noexcept { return attempts_; }
  const std::optional<digest::Digest>& digest() const noexcept { return digest_; }

 private:
  // comparing: the server has it already, and the file must be the same.
  enum class Phase { opening, sending, verifying, comparing, aborting, over };
  struct Reopen {
    Time due;
    bool fresh_id;
  };

  void on(const wire::UploadApproved& approved, Time now);
  void on(const wire::TransferCredit& credit, Time now);
  void on(const wire::StatusReport& report, Time now);
  void on(const wire::UploadFinished& finished, Time now);
  void on(const wire::ServerError& error, Time now);
  bool late(const wire::ServerMessage& message) const;
  void other_finished(Time now);
  void judge(const wire::UploadFinished& finished);
  bool retried(const wire::ServerError& error, Time now);
  void post_again(Time due);
  std::string why_given_up() const;
  void heard(Time now);
  void rewind(std::uint64_t seek, std::uint32_t credit);
  void nothing_new(Time now);
  void open_again(Time now, bool fresh_id);
  void end(std::variant<Stored, Failure> outcome);
  bool started() const noexcept { return phase_ == Phase::sending || phase_ == Phase::verifying; }
  bool finished() const noexcept { return phase_ == Phase::aborting || phase_ == Phase::over; }
  bool waits_there() const noexcept;
  bool idle() const noexcept { return phase_ == Phase::sending && credit_ > 0 && source_waiting_; }
  bool sending() const noexcept { return phase_ == Phase::sending && !hold_; }
  bool all_sent() const noexcept { return position_ == upload_.size; }
  Time query_due() const;
  Time routine_due() const;
  Time silence_over() const;
  std::chrono::milliseconds next_pause();

  Upload upload_;
  Patience patience_;
  Phase phase_ = Phase::opening;
  std::variant<Stored, Failure> outcome_;

  bool connected_;
  bool ours_;
  bool used_;           // the connection, or its routing id: answers to something earlier may come
  bool alone_;          // no upload before it used the routing id
  bool echo_required_;  // until our key was echoed, everything else is of something earlier
  bool gave_up_ = false;
  bool post_open_ = false;        // a post-file was sent that has no answer
  bool posted_ = false;           // one was sent
  std::string refused_for_now_;   // what the server said, none if it did not
  std::optional<Time> post_due_;  // none: sent, its answer is awaited
  std::optional<Reopen> reopen_;
  bool ask_ = false;   // query-status now
  bool hold_ = false;  // after a reconnect, until the server told where it stands
  bool source_waiting_ = false;
  std::uint32_t unanswered_ = 0;
  std::uint32_t again_ = 0;  // post-files after an approval, without progress since
  std::uint32_t attempts_ = 0;
  std::chrono::milliseconds pause_{0};
  std::chrono::milliseconds opening_patience_;

  Time heard_, asked_, sent_, moved_, abort_until_;

  wire::Id upload_id_;
  std::uint32_t chunk_size_ = 0;
  std::uint32_t max_queue_ = 0;
  std::uint64_t credit_ = 0;    // chunks
  std::uint64_t position_ = 0;  // the next byte to send
  std::optional<std::uint64_t> found_;
  std::uint64_t high_ = 0;  // the end of what was ever sent
  bool last_sent_ = false;  // the last chunk, and the server has not said since that it misses something
  Cuts cuts_;
  std::uint64_t chunks_ = 0;  // sent so far, repeated ones too
  Pacer pacer_;
  Questions questions_;
  std::optional<digest::Digest> digest_;
  std::optional<wire::UploadFinished> told_;  // while comparing
};

}  // namespace dync::client
