#pragma once

#include <memory>
#include <optional>
#include <string>

#include "client/connection.h"
#include "client/display.h"
#include "client/interrupts.h"
#include "client/keys_of_server.h"
#include "client/options.h"
#include "client/receipts.h"
#include "client/source.h"
#include "client/states.h"
#include "client/transfer.h"
#include "proto/transport/socket.h"

namespace dync::client {

// One file to send.
struct Job {
  std::string file;  // as given on the command line
  std::size_t number = 1, count = 1;
  Upload upload;
  std::unique_ptr<Input> input;
  State* state = nullptr;  // of a file; it must outlive the upload
};

struct Sent {
  ReceiptLine line;        // for standard output, whatever came of it
  bool resumable = false;  // a later run should go on with the state
  std::string advice;      // after a failure that no later run goes on from
};

// Sends one file after the other: the loop around Transfer, Source and Connection. One connection serves all
// files where the server is ours, else each gets its own.
class Sender {
 public:
  Sender(transport::Context& context, const Options& options, ClientKeys keys, Display& display,
         Interrupts& interrupts);

  // Until the upload is over.
  Sent send(Job job);
  bool interrupted() const noexcept { return interrupted_; }

 private:
  struct Running;
  bool connect(Time now, std::string& problem);
  void turn(Running& running);
  void work(Running& running, Time now);
  bool carry_out(Running& running, const Want& want, Time now);
  bool hash(Running& running, const Want& want);
  bool send_chunk(Running& running, const Want& want, Time now);
  bool send_message(const wire::ClientMessage& message, std::shared_ptr<const void> owner);
  void wait(Running& running, Time now);
  void take_events(Running& running, Time now);
  void take_messages(Running& running, Time now);
  void take_source(Running& running, Time now);
  void take_signal(Running& running, Time now);
  void show(Running& running, Time now);
  ReceiptLine receipt(const Running& running, Time now) const;

  transport::Context& context_;
  const Options& options_;
  ClientKeys keys_;
  Display& display_;
  Interrupts& interrupts_;
  Patience patience_;
  std::unique_ptr<Connection> connection_;
  bool carried_ = false;  // the connection has carried an upload
  bool ours_ = false;
  bool reusable_ = false;  // for the next upload
  double rate_ = 0;        // bytes a second that the connection carried
  bool interrupted_ = false;
  std::string unreachable_;  // told once: the other files are not tried
};

}  // namespace dync::client
