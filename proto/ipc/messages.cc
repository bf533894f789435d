#include "proto/ipc/messages.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "proto/ipc/codec.h"
#include "proto/ipc/fields.h"

namespace dync::ipc {
namespace {

template <std::uint8_t Byte, class Type>
struct Row {
  static constexpr std::uint8_t kByte = Byte;
  using Message = Type;
};

// The type byte of each message. Never change or reuse one: while an upgrade runs, old and new processes
// must refuse each other, never misread. A new message gets the next free byte of its group.
using Table = std::tuple<
    // receiver to committer
    Row<0x01, Hello>, Row<0x02, Open>, Row<0x03, Find>, Row<0x04, AllReceived>, Row<0x05, Abort>,
    Row<0x06, Progress>, Row<0x07, Event>, Row<0x08, Park>, Row<0x09, Synced>, Row<0x0c, MakeRoom>,
    // committer to receiver
    Row<0x20, Opened>, Row<0x21, Refused>, Row<0x22, Finished>, Row<0x23, Restore>, Row<0x24, Restored>,
    Row<0x25, Committed>, Row<0x26, Failed>, Row<0x27, Checkpointed>, Row<0x2c, NoPartial>,
    // receiver to hasher
    Row<0x40, Begin>, Row<0x41, Chunk>, Row<0x42, End>, Row<0x43, Drop>, Row<0x44, Plan>,
    // hasher to committer
    Row<0x60, Verdict>, Row<0x61, Unreadable>, Row<0x62, Checkpoint>,
    // committer and supervisor
    Row<0x80, RunUntar>, Row<0x81, UntarEnded>,
    // worker to supervisor
    Row<0xa0, LogLine>, Row<0xa1, Ready>, Row<0xa2, Alive>,
    // supervisor to worker
    Row<0xc0, Reload>>;

template <class Of, class... Rows>
constexpr std::uint8_t type_byte(std::type_identity<std::tuple<Rows...>> /*table*/) {
  static_assert((0 + ... + int{std::is_same_v<Of, typename Rows::Message>}) == 1, "one row for each message");
  std::uint8_t byte = 0;
  ((std::is_same_v<Of, typename Rows::Message> ? void(byte = Rows::kByte) : void()), ...);
  return byte;
}

template <class... Rows>
constexpr bool all_different(std::type_identity<std::tuple<Rows...>> /*table*/) {
  std::array<std::uint8_t, sizeof...(Rows)> bytes{Rows::kByte...};
  std::sort(bytes.begin(), bytes.end());
  return std::adjacent_find(bytes.begin(), bytes.end()) == bytes.end();
}

constexpr std::type_identity<Table> kTable;
static_assert(all_different(kTable), "two messages share a type byte");
static_assert(std::tuple_size_v<Table> == std::variant_size_v<Message>, "a message without a type byte");

template <class Of>
std::optional<Message> read(std::string_view bytes) {
  Of message;
  Reader reader(bytes);
  reader(message);
  if (!reader.complete()) return std::nullopt;
  return message;
}

template <class... Rows>
std::optional<Message> dispatch(std::uint8_t type, std::string_view bytes,
                                std::type_identity<std::tuple<Rows...>> /*table*/) {
  std::optional<Message> (*reader)(std::string_view) = nullptr;
  ((type == Rows::kByte ? void(reader = &read<typename Rows::Message>) : void()), ...);
  return reader == nullptr ? std::nullopt : reader(bytes);
}

}  // namespace

std::string encode(const Message& message) {
  Writer writer;
  writer.raw(kProtocol);
  std::visit(
      [&writer](const auto& alternative) {
        writer(type_byte<std::remove_cvref_t<decltype(alternative)>>(kTable), alternative);
      },
      message);
  return writer.take();
}

std::optional<Message> decode(std::string_view bytes) {
  if (!bytes.starts_with(kProtocol) || bytes.size() == kProtocol.size()) return std::nullopt;
  const auto type = static_cast<std::uint8_t>(bytes[kProtocol.size()]);
  return dispatch(type, bytes.substr(kProtocol.size() + 1), kTable);
}

}  // namespace dync::ipc
