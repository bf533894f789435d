#include "tests/unit/session_pair/world.h"

#include <algorithm>
#include <array>
#include <utility>

#include "schema/limits/limits.h"
#include "tests/unit/session_pair/original_client.h"
#include "tests/unit/session_pair/our_client.h"
#include "tests/unit/session_pair/person.h"

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

wire::Id key_of(std::uint64_t number) {
  std::array<std::byte, wire::Id::kBytes> bytes{};
  for (std::size_t i = 0; i < sizeof(number); ++i) bytes[i] = static_cast<std::byte>(number >> (8 * i));
  return wire::Id::uuid4(bytes);
}

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
  void add_person(std::size_t number);
  Person::Start our_runs(const std::string& user);
  Person::Start original_runs(const std::string& user);
  void plan_faults(Person& person, bool original);
  void plan_runs(Person& person, bool original);
  void fault(Person& person, bool original);
  void plan_restarts();
  bool all_over() const;
  void run_until(Time end, bool all);
  void expect_stored(const Person& person);
  void expect_stored_once(const File& file);
  bool is_stored(const File& file) const;
  Time end_of_trouble() const { return start_ + kTrouble; }

  Events events_;
  Dice dice_;
  const std::byte* memory_;
  Checks checks_;
  Network network_;
  Staging staging_;
  Committer committer_;
  Server server_;
  std::vector<std::unique_ptr<Person>> people_;
  Time start_ = events_.now();
  std::uint64_t keys_ = 0;
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
  manner.latency = dice_.between(1ms, dice_.chance(300) ? 200ms : 30ms);
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
    file.key = key_of(++keys_);
    files.push_back(file);
  }
  return files;
}

void World::add_person(std::size_t number) {
  const bool original = dice_.chance(500);
  const std::string user = "user-" + std::to_string(number % 2);
  Person::Place place{events_, dice_, checks_, network_,
                      [this](const File& file) { return is_stored(file); }};
  people_.push_back(std::make_unique<Person>(std::move(place), files_of(number, original),
                                             original ? original_runs(user) : our_runs(user)));
  Person& person = *people_.back();
  events_.in(dice_.between(0ms, 20s), [&person] { person.run(); });
  plan_faults(person, original);
  plan_runs(person, original);
}

// Each run of a person has the same habits and link. A stream can't be read again, so it has a new key.
Person::Start World::our_runs(const std::string& user) {
  OurClient::Manner manner;
  manner.stream = dice_.chance(300);
  manner.small_chunks = dice_.chance(300) ? 100 : 0;
  manner.source_waits = dice_.chance(400) ? 20 : 0;
  manner.longest_wait = dice_.between(1s, 200s);
  return [this, user, manner, link = link_manner(false), runs = 0](std::vector<File> files) mutable {
    if (manner.stream)
      for (File& file : files) file.key = key_of(++keys_);
    manner.known = runs++ > 0 && !manner.stream;
    return std::make_unique<OurClient>(events_, dice_, checks_, network_, user, link, manner,
                                       std::move(files));
  };
}

Person::Start World::original_runs(const std::string& user) {
  OriginalClient::Manner manner;
  manner.source_waits = dice_.chance(400) ? 20 : 0;
  manner.longest_wait = dice_.between(1s, 600s);
  return [this, user, manner, link = link_manner(true)](const std::vector<File>& files) {
    return std::make_unique<OriginalClient>(events_, dice_, network_, user, link, manner, files.front());
  };
}

void World::plan_faults(Person& person, bool original) {
  if (dice_.chance(300)) return;
  const milliseconds often = dice_.between(2s, 120s);
  for (milliseconds at = dice_.between(0ms, often); at < kTrouble; at += dice_.between(1ms, often * 2))
    events_.at(start_ + at, [this, &person, original] { fault(person, original); });
}

// Runs die, and of ours a second one may begin beside the first.
void World::plan_runs(Person& person, bool original) {
  if (dice_.chance(150)) {
    const bool for_good = dice_.chance(500);
    events_.at(start_ + dice_.between(0ms, kTrouble), [&person, for_good] { person.die(for_good); });
  }
  if (!original && dice_.chance(150)) {
    events_.at(start_ + dice_.between(0ms, kTrouble), [&person] {
      if (person.running()) person.run();
    });
  }
}

void World::fault(Person& person, bool original) {
  if (!person.running()) return;
  Link& link = person.link();
  switch (dice_.number(0, original ? 3 : 4)) {
    case 0:
      return link.stall(dice_.between(1ms, 60s));
    case 1:
      return link.black_hole(dice_.between(1s, 100s));
    case 4:
      return link.mute();
    default:
      return link.cut(dice_.chance(700) ? dice_.between(0ms, 1s) : dice_.between(0ms, 90s));
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
  return std::all_of(people_.begin(), people_.end(),
                     [](const auto& person) { return person->gone() || person->done(); });
}

bool World::is_stored(const File& file) const {
  return std::any_of(committer_.rows().begin(), committer_.rows().end(), [&](const Row& row) {
    return row.open.filename == file.name && row.state == Row::State::committed;
  });
}

void World::run_until(Time end, bool all) {
  while (checks_.fine() && events_.now() < end && !(all && all_over()))
    if (!events_.step()) return;
}

Result World::run() {
  server_.start();
  const std::size_t count = dice_.number(1, 8);
  for (std::size_t i = 0; i < count; ++i) add_person(i);
  plan_restarts();
  events_.at(end_of_trouble(), [this] { network_.be_calm(); });
  run_until(start_ + kPatience, true);
  const Time done = events_.now();
  for (const auto& person : people_) expect_stored(*person);
  if (checks_.fine()) run_until(std::max(done, end_of_trouble()) + kAfterwards, false);
  if (checks_.fine()) server_.expect_empty();
  return {checks_.problem(), checks_.happened()};
}

void World::expect_stored(const Person& person) {
  if (person.gone()) return;
  checks_.expect(person.done(), "an upload does not end", person.files()[0].name);
  if (!checks_.fine()) return;
  for (const File& file : person.files()) expect_stored_once(file);
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
