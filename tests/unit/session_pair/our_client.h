#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/transfer.h"
#include "tests/unit/session_pair/client_model.h"

namespace dync::pair {

// The real client::Transfer with a simulated source, in place of client::Sender.
class OurClient : public ClientModel {
 public:
  struct Manner {
    bool known = false;         // an earlier run may have sent it
    bool stream = false;        // no size, and only what the window keeps can be sent again
    unsigned small_chunks = 0;  // per mille are smaller than they could be
    unsigned source_waits = 0;  // per mille
    milliseconds longest_wait{0};
  };
  OurClient(Events& events, Dice& dice, Checks& checks, Network& network, std::string user, Link::Manner link,
            Manner manner, std::vector<File> files);

  void start() override;
  End end() const override { return end_; }
  std::string complaint() const override { return complaint_; }
  std::size_t stored() const override { return at_; }
  Link& link() override { return link_; }

  void hear(const wire::ServerMessage& message) override;
  void connected() override;
  void lost() override;
  void bytes_moved() override;

 private:
  bool over() const { return end_ != End::none; }
  void begin();
  void failed(const client::Failure& failure);
  void work();
  bool carry_out(const client::Want& want);
  bool send_chunk(const client::Want& want);
  void wait_for_source();
  bool is_of_earlier_run(const wire::ServerMessage& message);
  void ended();
  void wake_at(Time when);

  Events& events_;
  Dice& dice_;
  Checks& checks_;
  Manner manner_;
  Link link_;
  std::vector<File> files_;
  std::size_t at_ = 0;
  std::optional<client::Transfer> transfer_;
  std::optional<Time> source_until_;
  std::set<std::string> heard_of_;  // uploads
  std::uint64_t sent_to_ = 0;       // the end of what was ever sent
  bool ours_ = false, shared_ = false, working_ = false;
  End end_ = End::none;
  std::string complaint_;
  Time wake_at_ = Time::max();
};

}  // namespace dync::pair
