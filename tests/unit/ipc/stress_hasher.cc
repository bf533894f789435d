#include "tests/unit/ipc/stress_hasher.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <poll.h>
#include <random>
#include <sched.h>
#include <string>

#include "proto/ipc/messages.h"
#include "proto/posix/file.h"
#include "proto/posix/process.h"

namespace dync::ipc::stress {
namespace {

struct Upload {
  std::uint32_t epoch = 0;
  std::uint64_t hashed = 0;
};

class Run {
 public:
  Run(const Hasher& hasher, std::uint64_t seed) : with_(hasher), random_(seed) {}

  // False once nobody sends hints any more.
  bool turn() {
    std::string packet;
    std::vector<posix::Fd> none;
    const auto received = posix::receive_packet(with_.hints, packet, none);
    if (received == posix::Received::closed) return false;
    if (received == posix::Received::packet) {
      take(*decode(packet));
    } else if (!catch_up_all()) {
      wait();
    }
    return true;
  }

 private:
  void wait() const {
    pollfd item{with_.hints, POLLIN, 0};
    ::poll(&item, 1, 1);
  }

  bool catch_up_all() {
    bool moved = false;
    for (auto& [mark, upload] : uploads_) moved = catch_up(mark, upload) || moved;
    return moved;
  }

  void take(const Message& message) {
    if (const auto* begin = std::get_if<Begin>(&message)) {
      Upload& upload = uploads_[begin->mark];
      by_id_[begin->upload] = begin->mark;
      if (begin->epoch <= upload.epoch) return;  // said again, or late
      upload = {begin->epoch, 0};
      store_hashed(with_.memory.mark(begin->mark), begin->epoch, 0);
    } else if (const auto* chunk = std::get_if<Chunk>(&message)) {
      const auto mark = by_id_.find(chunk->upload);
      if (mark != by_id_.end()) follow(*chunk, mark->second, uploads_[mark->second]);
    }
  }

  void follow(const Chunk& hint, std::uint32_t mark, Upload& upload) {
    if (hint.epoch != upload.epoch) return;
    if (hint.offset > upload.hashed) catch_up(mark, upload);
    if (hint.offset != upload.hashed) return;
    if (!slot_is(with_.memory, hint.slot, hint.generation)) {
      ++with_.report.stale;
      return;
    }
    const bool good = compare(with_.memory.slot(hint.slot).first(hint.length), mark, upload);
    if (!slot_is(with_.memory, hint.slot, hint.generation)) {
      ++with_.report.torn;
      return;
    }
    if (!good) ++with_.report.wrong_slots;
    with_.report.from_slots += hint.length;
    advance(mark, upload, hint.length);
  }

  // Reads the next piece of the file, never beyond the written mark. False if there is none.
  bool catch_up(std::uint32_t mark, Upload& upload) {
    const Mark& shared = with_.memory.mark(mark);
    const std::uint64_t written = written_bytes(shared, upload.epoch);
    if (written <= upload.hashed) return false;
    std::vector<std::byte> bytes(std::min<std::uint64_t>(written - upload.hashed, 4096));
    posix::read_at(with_.files[mark].get(), bytes, upload.hashed);
    const bool good = compare(bytes, mark, upload);
    if (shared.epoch.load() != upload.epoch) return false;  // the file belongs to another epoch by now
    if (!good) ++with_.report.wrong_files;
    with_.report.from_file += bytes.size();
    advance(mark, upload, bytes.size());
    return true;
  }

  void advance(std::uint32_t mark, Upload& upload, std::uint64_t bytes) {
    upload.hashed += bytes;
    store_hashed(with_.memory.mark(mark), upload.epoch, upload.hashed);
  }

  // Gives the processor away in the middle now and then, so that slots change under it.
  bool compare(std::span<const std::byte> bytes, std::uint32_t mark, const Upload& upload) {
    bool good = true;
    for (std::uint64_t at = 0; at < bytes.size(); at += kWord) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + at, kWord);
      good = good && word == pattern(mark, upload.epoch, upload.hashed + at);
      if (random_() % 2048 == 0) ::sched_yield();
    }
    return good;
  }

  Hasher with_;
  std::minstd_rand random_;
  std::map<std::uint32_t, Upload> uploads_;
  std::map<Id, std::uint32_t> by_id_;
};

}  // namespace

// SplitMix64
std::uint64_t pattern(std::uint32_t mark, std::uint32_t epoch, std::uint64_t offset) {
  std::uint64_t x = (std::uint64_t{mark} << 56) ^ (std::uint64_t{epoch} << 24) ^ (offset / kWord);
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

void run(const Hasher& hasher, std::uint64_t seed) {
  for (Run loop(hasher, seed); loop.turn();) {
  }
}

}  // namespace dync::ipc::stress
