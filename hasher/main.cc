#include <cstdlib>
#include <string>

#include "hasher/wiring.h"

namespace {

using namespace dync;

void run(service::Worker& worker) {
  const char* home = std::getenv("HOME");
  const auto read = [&](const std::string& text) {
    return config::parse(text, worker.options().config_path, home ? home : "/");
  };
  const auto config = read(worker.options().config_text);
  worker.on_reload([&](const std::string& text) { worker.show_debug(read(text).logging.level == "DEBUG"); });
  const ipc::SharedMemory memory(service::kSharedFd);
  const hasher::Wiring wiring(worker, memory, config);
  worker.run();
}

}  // namespace

int main(int argc, char** argv) {
  return service::worker_main(argc, argv, "dync-hasher",
                              "Computes the SHA-256 of each upload while it arrives.", run);
}
