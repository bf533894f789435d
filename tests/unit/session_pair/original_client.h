#pragma once

#include <deque>
#include <string>

#include "tests/unit/session_pair/client_model.h"

namespace dync::pair {

// The original client in a few lines: keeps max_queue chunks, rewinds only to the start of one of them or to
// its end, ends with an empty last chunk and sends another for each further credit, asks after 30 s of
// silence, says and hears nothing while its source does not. Dies of what it does not expect.
class OriginalClient : public ClientModel {
 public:
  struct Manner {
    unsigned source_waits = 0;  // per mille of the chunks
    milliseconds longest_wait{0};
  };
  OriginalClient(Events& events, Dice& dice, Network& network, std::string user, Link::Manner link,
                 Manner manner, File file);

  void start() override;
  End end() const override;
  std::string complaint() const override { return complaint_; }
  std::size_t stored() const override { return stored_ ? 1 : 0; }
  Link& link() override { return link_; }

  void hear(const wire::ServerMessage& message) override;

 private:
  enum class State { asking, sending, over };
  struct Kept {
    std::uint64_t seek;
    std::uint64_t bytes;
    bool last;
  };

  void work();
  void on_message(const wire::ServerMessage& message);
  void on_approval(const wire::UploadApproved& approved);
  void on_report(const wire::StatusReport& report);
  void on_error(const wire::ServerError& error);
  bool pending() const { return again_ > 0 || !finished_; }
  void send_next();
  void read_next();
  void wait_for_message();
  void silence();
  void die(std::string why);

  Events& events_;
  Dice& dice_;
  Manner manner_;
  Link link_;
  File file_;
  State state_ = State::asking;
  bool stored_ = false, again_later_ = false, finished_ = false, source_waits_ = false, was_waiting_ = false;
  std::string complaint_;
  std::deque<wire::ServerMessage> inbox_;
  std::deque<Kept> kept_;
  std::size_t again_ = 0;  // so many of the kept ones are to be sent again, the newest
  std::uint64_t credit_ = 0, end_ = 0;
  std::uint32_t chunk_size_ = 0, max_queue_ = 0;
  int tries_ = 0;
  std::uint64_t waits_ = 0;  // counts: an alarm of an earlier one is void
};

}  // namespace dync::pair
