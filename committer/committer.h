#pragma once

#include <atomic>

#include "committer/admission.h"
#include "committer/checkpoints.h"
#include "committer/context.h"
#include "committer/extraction.h"
#include "committer/orphans.h"
#include "committer/parking.h"
#include "committer/publication.h"
#include "committer/sessions.h"
#include "committer/untar_client.h"
#include "committer/uploads.h"
#include "proto/service/worker.h"
#include "proto/transport/socket.h"
#include "schema/config/config.h"

namespace dync::committer {

// The committer's loop: takes all that waits on its socket and in its inbox, applies it in one transaction,
// syncs once, and only then answers. An exception ends the process; the next one replays the ledger.
class Committer {
 public:
  Committer(service::Worker& worker, const config::Config& config, int broker);
  // From now on judges by the rules of this configuration, and takes its limits. Throws config::Error for a
  // bad rule, and then nothing has changed.
  void use(const config::Config& config);
  // Serves until the worker is stopped.
  void run();

 private:
  void start();
  void turn();
  void stop();
  void keep_ledgers_room();
  bool take_one();
  bool take_message();

  service::Worker& worker_;
  config::Config config_;  // with the limits as they count now
  ledger::Writer ledger_;
  Jobs jobs_;
  Inbox inbox_;
  Outbox outbox_;
  std::atomic<bool> stopping_{false};
  Pool quick_;
  Pool slow_;
  Pool copies_;
  Context context_;
  UntarClient untar_;
  Admission admission_;
  Publication publication_;
  Extraction extraction_;
  Parking parking_;
  Checkpoints checkpoints_;
  Orphans orphans_;
  Sessions sessions_;
  Uploads uploads_;
  bool ledger_has_room_ = true;
  transport::Context transport_;
  transport::Socket socket_;
};

}  // namespace dync::committer
