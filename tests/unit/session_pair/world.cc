#include "tests/unit/session_pair/world.h"

#include <algorithm>
#include <array>
#include <utility>

#include "schema/limits/limits.h"
#include "tests/unit/session_pair/original_client.h"
#include "tests/unit/session_pair/our_client.h"

namespace dync::pair {

using namespace std::chrono_literals;
using limits::kKiB;
using limits::kMiB;

namespace {

constexpr std::uint64_t kPerClient = std::uint64_t{1} << 30;
constexpr milliseconds kTrouble = 10min;  // of faults, from the start
constexpr milliseconds kPatience = 5h;    // for all clients that live
constexpr milliseconds kIdleTimeout = 20min;
constexpr milliseconds kAfterwards = kIdleTimeout + 2min;  // for the sessions of those that do not

struct Client {
  std::unique_ptr<ClientModel> model;
  Link* link = nullptr;
  std::vector<File> files;
  bool original = false;
  bool gone = false;
};

class World {
 public:
  World(std::uint64_t seed, const std::byte* memory, bool trace)
      : dice_(seed),
        memory_(memory),
        checks_(events_, trace),
        network_(events_, dice_, checks_),
        committer_(events_, dice_, checks_, staging_,
                   {dice_.between(0ms, 500ms), static_cast<unsigned>(dice_.chance(200) ? 50 : 0)}),
        server_(events_, dice_, checks_, network_, committer_, staging_, server_manner()) {}

  Result run();

 private:
  Server::Manner server_manner();
  Link::Manner link_manner(bool original);
  std::vector<File> files_of(std::size_t client, bool original);
  void add_client(std::size_t number);
  void add_ours(Client& client, const std::string& user);
  void add_original(Client& client, const std::string& user);
  void plan_faults(Client& client);
  void fault(Client& client);
  void plan_restarts();
  bool all_over() const;
  void run_until(Time end, bool all);
  void expect_stored(const Client& client);
  void expect_stored_once(const File& file);
  Time end_of_trouble() const { return start_ + kTrouble; }

  Events events_;
  Dice dice_;
  const std::byte* memory_;
  Checks checks_;
  Network network_;
  Staging staging_;
  Committer committer_;
  Server server_;
  std::vector<Client> clients_;
  Time start_ = events_.now();
};

Server::Manner World::server_manner() {
  constexpr std::array<std::uint32_t, 3> kSizes{64 * kKiB, 256 * kKiB, 1024 * kKiB};
  const std::uint32_t chunk = kSizes.at(dice_.number(0, 2));
  const auto queue = static_cast<std::uint32_t>(dice_.number(1, 64));
  Server::Manner manner;
  manner.terms = {chunk, std::min(chunk, limits::kOriginalChunk), queue,
                  std::chrono::duration_cast<std::chrono::seconds>(kIdleTimeout)};
  manner.budget = kMiB << dice_.number(0, 6);
  manner.write = dice_.between(0ms, 200ms);
  manner.writes_stall = dice_.chance(300) ? 20 : 0;
  return manner;
}

Link::Manner World::link_manner(bool original) {
  Link::Manner manner;
  manner.keeps = original;
  manner.is_watched = !original;
  manner.latency = dice_.between(1ms, dice_.chance(300) ? 400ms : 30ms);
  manner.rate = dice_.chance(300) ? 32 * kKiB << dice_.number(0, 10) : 0;
  manner.repeats = dice_.chance(300) ? 30 : 0;
  return manner;
}

std::vector<File> World::files_of(std::size_t client, bool original) {
  const std::size_t count = original ? 1 : dice_.number(1, 3);
  std::vector<File> files;
  for (std::size_t i = 0; i < count; ++i) {
    File file;
    file.name = "file-" + std::to_string(client) + "-" + std::to_string(i);
    file.base = memory_ + client * kPerClient + i * (kPerClient / 4);
    file.size = dice_.chance(100) ? dice_.number(0, 2) : dice_.number(0, dice_.number(1, 64) * kMiB);
    file.sha256.fill(static_cast<std::byte>(client * 4 + i));
    files.push_back(file);
  }
  return files;
}

void World::add_client(std::size_t number) {
  Client client;
  client.original = dice_.chance(500);
  client.files = files_of(number, client.original);
  const std::string user = "user-" + std::to_string(number % 2);
  client.original ? add_original(client, user) : add_ours(client, user);
  clients_.push_back(std::move(client));
}

void World::add_ours(Client& client, const std::string& user) {
  OurClient::Manner manner;
  manner.stream = dice_.chance(300);
  manner.small_chunks = dice_.chance(300) ? 100 : 0;
  manner.source_waits = dice_.chance(400) ? 20 : 0;
  manner.longest_wait = dice_.between(1s, 200s);
  auto ours = std::make_unique<OurClient>(events_, dice_, checks_, network_, user, link_manner(false), manner,
                                          client.files);
  client.link = &ours->link();
  client.model = std::move(ours);
}

void World::add_original(Client& client, const std::string& user) {
  OriginalClient::Manner manner;
  manner.source_waits = dice_.chance(400) ? 20 : 0;
  manner.longest_wait = dice_.between(1s, 600s);
  auto original = std::make_unique<OriginalClient>(events_, dice_, network_, user, link_manner(true), manner,
                                                   client.files.front());
  client.link = &original->link();
  client.model = std::move(original);
}

void World::plan_faults(Client& client) {
  if (dice_.chance(300)) return;
  const milliseconds often = dice_.between(2s, 120s);
  for (milliseconds at = dice_.between(0ms, often); at < kTrouble; at += dice_.between(1ms, often * 2))
    events_.at(start_ + at, [this, &client] { fault(client); });
  if (dice_.chance(150)) {
    events_.at(start_ + dice_.between(0ms, kTrouble), [&client] {
      if (client.model->over()) return;
      client.gone = true;
      client.link->vanish();
    });
  }
}

void World::fault(Client& client) {
  if (client.gone || client.model->over()) return;
  switch (dice_.number(0, client.original ? 3 : 4)) {
    case 0:
      return client.link->stall(dice_.between(1ms, 60s));
    case 1:
      return client.link->black_hole(dice_.between(1s, 100s));
    case 4:
      return client.link->mute();
    default:
      return client.link->cut(dice_.chance(700) ? dice_.between(0ms, 1s) : dice_.between(0ms, 90s));
  }
}

void World::plan_restarts() {
  if (dice_.chance(500)) return;
  const milliseconds often = dice_.between(10s, 300s);
  for (milliseconds at = dice_.between(0ms, often); at < kTrouble; at += dice_.between(6s, often * 2)) {
    events_.at(start_ + at, [this] {
      if (!server_.serves()) return;
      server_.die();
      events_.in(dice_.between(1ms, 5s), [this] { server_.start(); });
    });
  }
}

bool World::all_over() const {
  return std::all_of(clients_.begin(), clients_.end(),
                     [](const Client& client) { return client.gone || client.model->over(); });
}

void World::run_until(Time end, bool all) {
  while (checks_.fine() && events_.now() < end && !(all && all_over()))
    if (!events_.step()) return;
}

Result World::run() {
  server_.start();
  const std::size_t count = dice_.number(1, 8);
  clients_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) add_client(i);
  for (Client& client : clients_) {
    events_.in(dice_.between(0ms, 20s), [&client] { client.model->start(); });
    plan_faults(client);
  }
  plan_restarts();
  events_.at(end_of_trouble(), [this] { network_.be_calm(); });
  run_until(start_ + kPatience, true);
  const Time done = events_.now();
  for (const Client& client : clients_) expect_stored(client);
  if (checks_.fine()) run_until(std::max(done, end_of_trouble()) + kAfterwards, false);
  if (checks_.fine()) server_.expect_empty();
  return {checks_.problem(), static_cast<std::uint64_t>(
                                 std::chrono::duration_cast<std::chrono::seconds>(done - start_).count())};
}

// An original whose post-file or approval was lost gives up after 30 s and leaves it to its user.
void World::expect_stored(const Client& client) {
  if (client.gone) return;
  if (const auto* original = dynamic_cast<const OriginalClient*>(client.model.get());
      original && original->unlucky())
    return;
  checks_.expect(client.model->complaint().empty(), "an upload failed", client.model->complaint());
  checks_.expect(client.model->over(), "an upload does not end", client.files[0].name);
  if (!checks_.fine()) return;
  for (const File& file : client.files) expect_stored_once(file);
}

void World::expect_stored_once(const File& file) {
  int times = 0;
  for (const Row& row : committer_.rows()) {
    if (row.open.filename != file.name || row.state != Row::State::committed) continue;
    ++times;
    const Staged& staged = staging_[row.upload];
    checks_.expect(row.bytes == file.size && staged.length == file.size && row.sha256 == file.sha256 &&
                       (file.size == 0 || staged.base == file.base),
                   "something else was stored than was sent", file.name);
  }
  checks_.expect(times == 1, "a file was not stored once", file.name + ": " + std::to_string(times));
}

}  // namespace

Result run_world(std::uint64_t seed, const std::byte* memory, bool trace) {
  return World(seed, memory, trace).run();
}

}  // namespace dync::pair
