#include "tests/unit/ledger/records.h"

#include <cstdlib>
#include <stdexcept>
#include <vector>

namespace dync::ledger {
namespace {

std::vector<State> way_to(State state) {
  switch (state) {
    case State::receiving:
      return {};
    case State::received:
    case State::failed:
    case State::aborted:
    case State::expired:
      return {state};
    case State::verified:
      return {State::received, state};
    case State::extracting:
    case State::committing:
      return {State::received, State::verified, state};
    case State::committed:
      return {State::received, State::verified, State::committing, state};
  }
  throw std::logic_error("no such state");
}

void take_step(Writer& writer, const Id& id, unsigned number, State state) {
  if (state == State::received)
    writer.set_received(id, 100 + number, 1, digest_of(number));
  else if (state == State::verified)
    writer.set_verified(id, digest_of(number));
  else if (state == State::failed || state == State::aborted || state == State::expired)
    writer.set_ended(id, state, 422, "the file is not what it should be", false);
  else
    writer.set_state(id, state);
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "dync-ledger-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary directory");
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Id id_of(unsigned number) {
  std::array<std::byte, Id::kBytes> bytes{};
  bytes[0] = std::byte{0xab};
  bytes[14] = static_cast<std::byte>(number >> 8 & 0xff);
  bytes[15] = static_cast<std::byte>(number & 0xff);
  return Id(bytes);
}

Digest digest_of(unsigned number) {
  Digest digest{};
  digest.fill(static_cast<std::byte>(number & 0xff));
  return digest;
}

Upload sample_upload(unsigned number) {
  const std::string name = "QQBIC001AH_" + std::to_string(number) + ".raw";
  Upload upload;
  upload.upload_id = id_of(number);
  upload.origin = number % 2 == 0 ? "even" : "odd";
  upload.filename = "a " + name;
  upload.clean_name = "a" + name;
  upload.destination = "/data/raw/" + name;
  upload.metadata = R"({"a":"ä"})";
  upload.size_declared = 100 + number;
  return upload;
}

Session sample_session(unsigned number) {
  Session session;
  session.routing_id = std::string("\0\1\xff", 3) + std::to_string(number);
  session.key = id_of(1000 + number);
  session.mtime_ns = -5;
  session.chunk_size = 1 << 20;
  session.max_queue = 64;
  session.reserves = sample_upload(number).destination;
  return session;
}

Id put(Writer& writer, unsigned number, State state) {
  const Upload upload = sample_upload(number);
  {
    Batch batch(writer);
    writer.add(upload, sample_session(number));
    batch.commit();
  }
  for (const State step : way_to(state)) {
    Batch batch(writer);
    take_step(writer, upload.upload_id, number, step);
    batch.commit();
  }
  return upload.upload_id;
}

}  // namespace dync::ledger
