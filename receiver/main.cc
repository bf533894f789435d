#include <cstdlib>
#include <pwd.h>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <variant>

#include "proto/ipc/shared_memory.h"
#include "proto/keys/certificate.h"
#include "proto/posix/process.h"
#include "proto/service/worker.h"
#include "receiver/receiver.h"
#include "schema/config/config.h"
#include "schema/names/names.h"

namespace {

dync::keys::Certificate server_certificate(const dync::config::Config& config) {
  const auto read = dync::keys::read_secret(config.keys_dir / dync::names::kServerSecret);
  if (const auto* problem = std::get_if<dync::keys::Problem>(&read))
    throw std::runtime_error(problem->sentence);
  return std::get<dync::keys::Certificate>(read);
}

std::string home_directory() {
  if (const char* home = std::getenv("HOME"); home && *home) return home;
  const passwd* user = ::getpwuid(::geteuid());
  return user ? user->pw_dir : "/";
}

void receive(dync::service::Worker& worker) {
  dync::posix::keep_large_allocations();
  const auto read = [&](const std::string& text) {
    return dync::config::parse(text, worker.options().config_path, home_directory());
  };
  const auto config = read(worker.options().config_text);
  ::umask(config.umask);
  dync::ipc::SharedMemory memory(dync::service::kSharedFd);
  dync::receiver::Receiver receiver(worker, memory, config, server_certificate(config));
  worker.on_reload([&](const std::string& text) { receiver.use(read(text)); });
  receiver.start();
  worker.run();
}

}  // namespace

int main(int argc, char** argv) {
  return dync::service::worker_main(argc, argv, "dync-receiver",
                                    "Takes uploads from the network into staging.", receive);
}
