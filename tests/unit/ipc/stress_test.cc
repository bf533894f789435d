#include <chrono>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <iostream>
#include <random>
#include <sched.h>
#include <signal.h>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/ipc/messages.h"
#include "proto/ipc/shared_memory.h"
#include "proto/posix/file.h"
#include "proto/posix/process.h"
#include "tests/unit/ipc/stress_hasher.h"

// Two processes that work against each other on the slots: this one is the receiver, forked ones are the
// hashers. The receiver does at random what a real one does, in any order, loses and repeats hints, ends
// epochs and uploads in the middle, and kills hashers.
namespace dync::ipc {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kHashers = 2;
constexpr std::uint32_t kUploads = 5;
constexpr std::uint64_t kLongest = 256 * 1024;
constexpr Sizes kSizes{.slots = 8, .slot_bytes = 4096, .marks = 6};

std::uint64_t choose_seed() {
  const char* given = std::getenv("DYNC_TEST_SEED");
  return given == nullptr ? std::random_device{}() : std::strtoull(given, nullptr, 10);
}

struct Upload {
  Id id;
  MarkTable::Taken mark{};
  std::uint64_t received = 0;
  std::uint64_t written = 0;
  bool writing() const { return written < received; }
};

class Receiver {
 public:
  explicit Receiver(std::uint64_t seed) : random_(seed) {
    for (std::uint32_t i = 0; i < kSizes.marks; ++i) {
      files_.push_back(posix::make_memory_file("staged", kLongest));
    }
    for (std::uint32_t i = 0; i < kHashers; ++i) start(i);
    uploads_.resize(kUploads);
    for (Upload& upload : uploads_) open(upload);
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  ~Receiver() {
    for (std::uint32_t i = 0; i < kHashers; ++i) stop(i);
  }

  void step() {
    Upload& upload = uploads_[random_() % kUploads];
    const auto dice = random_() % 1000;
    if (dice < 480) return receive(upload);
    if (dice < 940) return write(upload);
    if (dice < 960) return repeat_hint();
    if (dice < 985) return void(pool_.collect());
    if (upload.writing()) return;
    if (dice < 996) return begin_epoch(upload);
    table_.give_back(upload.mark.index);
    open(upload);
  }

  void replace_hasher() {
    const auto hasher = static_cast<std::uint32_t>(random_() % kHashers);
    stop(hasher);
    start(hasher);
    pool_.collect_written(hasher, kHashers);
    for (const Upload& upload : uploads_) {
      if (upload.mark.index % kHashers == hasher) say_begin(upload);
    }
  }

  // Ends all writes and waits until the hashers have all of it. Then nothing may be lent any more.
  testing::AssertionResult comes_to_rest() {
    for (Upload& upload : uploads_) write(upload);
    const auto deadline = Clock::now() + 20s;
    while (!all_hashed()) {
      if (Clock::now() > deadline) return testing::AssertionFailure() << "a hasher never caught up";
      for (const Upload& upload : uploads_) {
        // A Begin may have been lost in a full queue; the real receiver's queue keeps it.
        if (hashed_bytes(mark_of(upload), upload.mark.epoch) == 0) say_begin(upload);
      }
      ::usleep(1000);
    }
    pool_.collect();
    if (pool_.free() == kSizes.slots) return testing::AssertionSuccess();
    return testing::AssertionFailure() << kSizes.slots - pool_.free() << " slots leaked";
  }

  stress::Report& report() { return *report_; }

 private:
  Mark& mark_of(const Upload& upload) const { return memory_.mark(upload.mark.index); }

  bool all_hashed() const {
    return std::all_of(uploads_.begin(), uploads_.end(), [this](const Upload& upload) {
      return hashed_bytes(mark_of(upload), upload.mark.epoch) == upload.received;
    });
  }

  void open(Upload& upload) {
    std::array<std::byte, Id::kBytes> bytes{};
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random_());
    upload.id = Id::uuid4(bytes);
    begin_epoch(upload);
  }

  void begin_epoch(Upload& upload) {
    upload.mark = *table_.take(upload.id, 0, 0);
    upload.received = upload.written = 0;
    say_begin(upload);
  }

  void receive(Upload& upload) {
    const std::uint64_t length = (1 + random_() % (kSizes.slot_bytes / stress::kWord)) * stress::kWord;
    const std::uint64_t end = upload.received + length;
    if (upload.writing() || end > kLongest) return;
    const auto until = random_() % 10 == 0 ? SlotPool::Until::written : SlotPool::Until::hashed;
    const auto lent = pool_.lend(upload.mark.index, upload.mark.epoch, end, until);
    if (!lent) return;
    for (std::uint64_t at = 0; at < length; at += stress::kWord) {
      const auto word = stress::pattern(upload.mark.index, upload.mark.epoch, upload.received + at);
      std::memcpy(lent->bytes.data() + at, &word, stress::kWord);
    }
    last_slot_[upload.mark.index] = lent->bytes.first(length);
    if (until == SlotPool::Until::hashed) {
      say(upload.mark.index, Chunk{upload.id, upload.mark.epoch, upload.received,
                                   static_cast<std::uint32_t>(length), lent->slot, lent->generation});
    }
    upload.received = end;
  }

  // The disk gets the bytes from the slot, so a slot that was lent to another too early spoils the file.
  void write(Upload& upload) {
    if (!upload.writing()) return;
    posix::write_at(files_[upload.mark.index].get(), last_slot_[upload.mark.index], upload.written);
    upload.written = upload.received;
    store_written(mark_of(upload), upload.mark.epoch, upload.written);
  }

  void say_begin(const Upload& upload) {
    const auto packet = encode(Begin{upload.id, upload.mark.index, upload.mark.epoch});
    posix::send_packet(channels_[upload.mark.index % kHashers].get(), std::as_bytes(std::span(packet)));
  }

  void say(std::uint32_t mark, const Chunk& hint) {
    if (random_() % 20 == 0) return;  // lost
    const auto packet = encode(hint);
    const bool sent = posix::send_packet(channels_[mark % kHashers].get(), std::as_bytes(std::span(packet)));
    if (!sent || random_() % 4 == 0) ::sched_yield();
    said_[random_() % said_.size()] = {mark, hint};
  }

  void repeat_hint() {
    const auto& [mark, hint] = said_[random_() % said_.size()];
    if (hint.length != 0) say(mark, hint);
  }

  void start(std::uint32_t hasher) {
    auto [ours, theirs] = posix::packet_pair();
    const pid_t parent = ::getpid();
    pids_[hasher] = ::fork();
    if (pids_[hasher] == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(1);
      for (auto& channel : channels_) channel.reset();
      ours.reset();
      stress::run({memory_, files_, *report_, theirs.get()}, random_());
      ::_exit(0);
    }
    channels_[hasher] = std::move(ours);
  }

  void stop(std::uint32_t hasher) {
    ::kill(pids_[hasher], SIGKILL);
    ::waitpid(pids_[hasher], nullptr, 0);
    channels_[hasher].reset();
  }

  std::mt19937_64 random_;
  posix::Fd report_file_ = posix::make_memory_file("report", sizeof(stress::Report));
  posix::Mapping report_memory_{report_file_.get(), sizeof(stress::Report)};
  stress::Report* report_ = reinterpret_cast<stress::Report*>(report_memory_.data());
  posix::Fd fd_ = SharedMemory::create(kSizes);
  SharedMemory memory_{fd_.get()};
  MarkTable table_{memory_};
  SlotPool pool_{memory_};
  std::vector<posix::Fd> files_;
  std::array<posix::Fd, kHashers> channels_;
  std::array<pid_t, kHashers> pids_{};
  std::vector<Upload> uploads_;
  std::array<std::span<std::byte>, kSizes.marks> last_slot_;
  std::array<std::pair<std::uint32_t, Chunk>, 32> said_;
};

TEST(SlotStress, NoStaleSlotIsTakenAndNoneLeaks) {
  const std::uint64_t seed = choose_seed();
  std::cout << "DYNC_TEST_SEED=" << seed << std::endl;
  SCOPED_TRACE("DYNC_TEST_SEED=" + std::to_string(seed));
  Receiver receiver(seed);
  const stress::Report& report = receiver.report();
  std::uint64_t kills = 0;
  // Until everything that can happen has happened; on a busy machine that takes longer.
  const auto proved = [&] {
    return kills > 3 && report.from_slots > 100U * kSizes.slot_bytes &&
           report.from_file > 100U * kSizes.slot_bytes && report.stale > 0 && report.torn > 0;
  };
  const auto start = Clock::now();
  while (Clock::now() < start + 5s || (!proved() && Clock::now() < start + 50s)) {
    for (int i = 0; i < 5'000; ++i) receiver.step();
    receiver.replace_hasher();
    ++kills;
    for (int i = 0; i < 500; ++i) receiver.step();
    ASSERT_TRUE(receiver.comes_to_rest());
    ASSERT_EQ(report.wrong_slots, 0U);
    ASSERT_EQ(report.wrong_files, 0U);
  }
  std::cout << "from slots " << report.from_slots << ", from files " << report.from_file << ", stale "
            << report.stale << ", torn " << report.torn << ", hashers killed " << kills << std::endl;
  EXPECT_TRUE(proved()) << "the run proved nothing";
}

}  // namespace
}  // namespace dync::ipc
