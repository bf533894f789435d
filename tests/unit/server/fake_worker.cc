// Stands for each of the workers and for dync-untar, by the name that it is started with. It does what files
// in $FAKE_DIR say and writes what happens to $FAKE_DIR/journal, a line each, at once:
//   NAME.exit      ends at its start with this exit code
//   NAME.silent    removes the file, gets ready, and its loop stands still
//   NAME.stubborn  takes no notice of SIGTERM
//   NAME.noise     removes the file, gets ready, and says something that is no message of ours
//   untar.count    (committer) asks for so many dync-untar, then removes the file
//   untar.hang     each dync-untar stays for ever
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <variant>
#include <vector>

#include "proto/ipc/messages.h"
#include "proto/ipc/shared_memory.h"
#include "proto/posix/file.h"
#include "proto/posix/process.h"
#include "proto/service/worker.h"

namespace {

using namespace dync;
using std::filesystem::path;

path directory() {
  return std::getenv("FAKE_DIR");
}

void note(const std::string& line) {
  const auto file = posix::open_file(directory() / "journal", O_WRONLY | O_APPEND | O_CREAT);
  const std::string whole = line + "\n";
  if (::write(file.get(), whole.data(), whole.size()) < 0) std::abort();
}

bool told(const std::string& name, const char* what) {
  return exists(directory() / (name + "." + what));
}

[[noreturn]] void stand_still() {
  while (true) ::pause();
}

ipc::Role role_of(const std::string& program) {
  if (program == "dync-committer") return ipc::Role::committer;
  return program == "dync-hasher" ? ipc::Role::hasher : ipc::Role::receiver;
}

void ask_for_untars(std::uint64_t& job) {
  int count = 0;
  if (!(std::ifstream(directory() / "untar.count") >> count)) return;
  std::filesystem::remove(directory() / "untar.count");
  for (; count > 0; --count) {
    ++job;
    const auto archive = posix::open_file("/dev/null", O_RDONLY);
    const auto target = posix::open_directory(directory());
    const auto report = posix::open_file(directory() / ("report" + std::to_string(job)), O_WRONLY | O_CREAT);
    const std::string packet =
        ipc::encode(ipc::RunUntar{.job = job, .max_members = 10, .max_bytes = 1000, .max_ratio = 200});
    const std::array<int, 3> fds = {archive.get(), target.get(), report.get()};
    while (!posix::send_packet(service::kBrokerFd, std::as_bytes(std::span(packet)), fds)) ::usleep(1000);
  }
}

void hear_of_untars() {
  std::string packet;
  std::vector<posix::Fd> passed;
  while (posix::receive_packet(service::kBrokerFd, packet, passed) == posix::Received::packet) {
    const auto message = ipc::decode(packet);
    const auto& ended = std::get<ipc::UntarEnded>(message.value());
    note("untar.ended job=" + std::to_string(ended.job) + " code=" + std::to_string(ended.code) +
         " signal=" + std::to_string(ended.signal));
  }
}

void serve(service::Worker& worker, const std::string& program) {
  const auto& options = worker.options();
  const ipc::Role role = role_of(program);
  std::string name = program.substr(5);
  if (role == ipc::Role::hasher) name += "-" + std::to_string(options.instance);
  const ipc::SharedMemory memory(service::kSharedFd);
  note(name + " start incarnation=" +
       std::to_string(memory.incarnation(role, static_cast<std::uint32_t>(options.instance))) +
       " address=" + options.address + " config=" + options.config_text);
  if (told(name, "exit")) {
    worker.log().error("fake.refused", {{"reason", "told so"}});
    int code = 0;
    std::ifstream(directory() / (name + ".exit")) >> code;
    ::_exit(code);
  }
  worker.on_stop([&worker, name] {
    note(name + " stop");
    if (!told(name, "stubborn")) worker.loop().stop();
  });
  worker.on_reload([name](const std::string& text) { note(name + " reload config=" + text); });
  std::uint64_t job = 0;
  if (role == ipc::Role::committer) {
    worker.loop().every(std::chrono::milliseconds(5), [&job] { ask_for_untars(job); });
    worker.loop().on_readable(service::kBrokerFd, [] { hear_of_untars(); });
  }
  worker.log().info("fake.ready");
  worker.log().debug("fake.detail");
  const std::string bound = options.address.empty() ? "tcp://127.0.0.1:4711" : options.address;
  worker.ready(role == ipc::Role::receiver ? bound : "");
  if (told(name, "noise")) {
    std::filesystem::remove(directory() / (name + ".noise"));
    posix::write_all(service::kChannelFd, "no message of ours");
  }
  if (std::filesystem::remove(directory() / (name + ".silent"))) stand_still();
  worker.run();
}

int untar(std::span<char*> arguments) {
  std::string report;
  for (const char* word : arguments.subspan(1)) report += std::string(word) + " ";
  for (const int fd : {3, 4, 5, 6, 7})
    if (::fcntl(fd, F_GETFD) >= 0) report += "fd" + std::to_string(fd) + " ";
  posix::write_all(5, report);
  note("untar start");
  if (told("untar", "hang")) stand_still();
  return 22;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string program = path(argv[0]).filename();
  if (program == "dync-untar") return untar({argv, static_cast<std::size_t>(argc)});
  return service::worker_main(argc, argv, program.c_str(), "A fake worker for tests.",
                              [&](service::Worker& worker) { serve(worker, program); });
}
