#include <stdexcept>

#include "proto/posix/process.h"
#include "proto/service/worker.h"

namespace {

using dync::service::Worker;

// A worker for tests: the text of its config says what it does.
void probe(Worker& worker) {
  const std::string& wanted = worker.options().config_text;
  worker.log().info("probe.started", {{"instance", worker.options().instance},
                                      {"runtime_dir", worker.options().runtime_dir},
                                      {"address", worker.options().address}});
  if (wanted == "throw") throw std::runtime_error("no such disk\nprobe.forged line=1");
  if (wanted == "linger")
    worker.on_stop([&] {
      worker.log().info("probe.asked_to_stop");
      worker.loop().after(std::chrono::hours(1), [&] { worker.loop().stop(); });
    });
  if (wanted == "flood") {
    for (int i = 0; i < 100'000; ++i) worker.log().info("probe.flood", {{"line", i}});
    constexpr std::byte kEnded{1};
    dync::posix::write_at(dync::service::kSharedFd, {&kEnded, 1}, 0);
  }
  if (wanted == "reload")
    worker.on_reload([&worker](const std::string& text) {
      worker.show_debug(text == "debug");
      worker.log().info("probe.reloaded", {{"text", text}});
      worker.log().debug("probe.detail");
    });
  worker.ready("tcp://127.0.0.1:4711");
  worker.run();
  worker.log().info("probe.ended");
}

}  // namespace

int main(int argc, char** argv) {
  return dync::service::worker_main(argc, argv, "service-probe", "A worker of the unit tests.", probe);
}
