#include <cstdlib>
#include <string>
#include <sys/stat.h>

#include "committer/committer.h"
#include "proto/service/worker.h"
#include "schema/config/config.h"

namespace {

using dync::service::Worker;

void serve(Worker& worker) {
  const char* home = std::getenv("HOME");
  const auto& options = worker.options();
  const auto read = [&](const std::string& text) {
    return dync::config::parse(text, options.config_path, home != nullptr ? home : "/");
  };
  const auto config = read(options.config_text);
  ::umask(config.umask);
  dync::committer::Committer committer(worker, config, dync::service::kBrokerFd);
  worker.on_reload([&](const std::string& text) { committer.use(read(text)); });
  committer.run();
}

}  // namespace

int main(int argc, char** argv) {
  return dync::service::worker_main(argc, argv, "dync-committer",
                                    "keeps the ledger and publishes what is verified", serve);
}
