#include <cstdlib>

#include "hasher/wiring.h"

namespace {

using namespace dync;

void run(service::Worker& worker) {
  const char* home = std::getenv("HOME");
  const auto config =
      config::parse(worker.options().config_text, worker.options().config_path, home ? home : "/");
  const ipc::SharedMemory memory(service::kSharedFd);
  const hasher::Wiring wiring(worker, memory, config);
  worker.run();
}

}  // namespace

int main(int argc, char** argv) {
  return service::worker_main(argc, argv, "dync-hasher",
                              "Computes the SHA-256 of each upload while it arrives.", run);
}
