#include <cstdlib>
#include <sys/stat.h>

#include "committer/committer.h"
#include "proto/service/worker.h"
#include "schema/config/config.h"

namespace {

using dync::service::Worker;

void serve(Worker& worker) {
  const char* home = std::getenv("HOME");
  const auto& options = worker.options();
  const auto config =
      dync::config::parse(options.config_text, options.config_path, home != nullptr ? home : "/");
  ::umask(config.umask);
  dync::committer::Committer(worker, config, dync::service::kBrokerFd).run();
}

}  // namespace

int main(int argc, char** argv) {
  return dync::service::worker_main(argc, argv, "dync-committer",
                                    "keeps the ledger and publishes what is verified", serve);
}
