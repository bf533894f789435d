#include "hasher/wiring.h"

#include <fcntl.h>
#include <string>

#include "proto/posix/file.h"
#include "schema/limits/limits.h"
#include "schema/names/names.h"

namespace dync::hasher {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook = limits::kHintPause / 4;
constexpr milliseconds kReconnect{20};
constexpr int kQueue = 20000;  // messages; above limits::kMarks, so that all verdicts fit

transport::Options receiver_options() {
  transport::Options options;
  options.handover = true;
  options.linger = milliseconds(0);
  options.receive_hwm = kQueue;
  return options;
}

transport::Options committer_options(int instance) {
  transport::Options options;
  options.routing_id = "hasher-" + std::to_string(instance);
  options.linger = limits::kLinger;
  options.send_hwm = kQueue;
  options.reconnect_interval = kReconnect;
  return options;
}

OpenStaged staged_below(const names::Path& tmp_dir) {
  return [tmp_dir](const wire::Id& upload) {
    return posix::open_file(names::staging_dir(tmp_dir, upload) / names::kStagedData, O_RDONLY | O_NOFOLLOW);
  };
}

}  // namespace

Wiring::Wiring(service::Worker& worker, const ipc::SharedMemory& memory, const config::Config& config)
    : worker_(worker),
      memory_(memory),
      receiver_(context_, transport::Type::router, receiver_options()),
      committer_(context_, transport::Type::dealer, committer_options(worker.options().instance)),
      uploads_(
          memory, staged_below(config.storage.tmp_dir),
          [this](const ipc::Message& message) { return tell(message); }, worker.log()),
      committer_seen_(memory.incarnation(ipc::Role::committer)) {
  const names::Path runtime = worker.options().runtime_dir;
  committer_.connect(names::ipc_endpoint(names::committer_socket(runtime)));
  receiver_.bind(names::ipc_endpoint(names::hasher_socket(runtime, worker.options().instance)));
  worker_.loop().on_socket(receiver_.handle(), [this] { read_messages(); });
  worker_.loop().every(kLook, [this] { look(); });
  worker_.loop().each_turn([this] { turn(); });
  worker_.ready();
}

void Wiring::read_messages() {
  transport::Message message;
  for (int count = 0; count < limits::kMessagesATurn && receiver_.receive(message); ++count) {
    const auto decoded = ipc::decode(message.back().text());
    if (decoded)
      uploads_.take(*decoded, Clock::now());
    else
      worker_.log().error("hasher.message_unreadable", {{"bytes", message.back().bytes().size()}});
  }
}

bool Wiring::tell(const ipc::Message& message) {
  transport::Message frames;
  frames.emplace_back(std::string_view(ipc::encode(message)));
  return committer_.send(frames) == transport::Sent::done;
}

// A new committer knows nothing of the verdicts before. What is said while its socket is not up yet may
// still go to the dead one's, so it is said once more a little later.
void Wiring::look() {
  const std::uint32_t now = memory_.incarnation(ipc::Role::committer);
  if (now != committer_seen_) {
    committer_seen_ = now;
    uploads_.tell_again();
    worker_.loop().after(limits::kVerdictAgain, [this] { uploads_.tell_again(); });
  }
  uploads_.look(Clock::now());
}

// While there is work the loop only looks at its sockets and never waits.
void Wiring::turn() {
  uploads_.work(Clock::now());
  if (uploads_.is_busy()) worker_.loop().after(milliseconds(0), [] {});
}

}  // namespace dync::hasher
