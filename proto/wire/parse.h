#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "proto/wire/messages.h"

// Inside proto/wire only: reads the frames of one message. The first thing that is wrong is kept as the
// refusal; everything after it reads as empty, so that a message's fields can be listed without branches.
namespace dync::wire {

class Options;

class Parse {
 public:
  explicit Parse(std::span<const FrameView> frames) : frames_(frames) {}

  std::string_view command() const;
  void fail(std::string sentence);
  // How many frames with the command there must be.
  void expect_frames(std::size_t least, std::size_t most);
  static constexpr std::size_t kAnyNumber = std::numeric_limits<std::size_t>::max();
  bool has(std::size_t at) const noexcept { return at < frames_.size(); }

  // The frame at a place; `what` names it in the refusal.
  FrameView bytes(std::size_t at) const;
  std::uint32_t u32(std::size_t at, std::string_view what);
  std::uint64_t u64(std::size_t at, std::string_view what);
  std::string text(std::size_t at, std::string_view what);
  digest::Digest sha256(std::size_t at);
  Options options(std::size_t at);

  template <class Message, class Read>
  std::variant<Message, Refusal> result(Read&& message) {
    if (refusal_) return std::move(*refusal_);
    return Message(std::forward<Read>(message));
  }

 private:
  std::uint64_t integer(std::size_t at, std::size_t width, std::string_view what);

  std::span<const FrameView> frames_;
  std::optional<Refusal> refusal_;
};

// The options frame: one JSON object. Unknown keys are ignored, a known key of the wrong type is refused, as
// are a key given twice and another version than kOptionsVersion under "dync".
class Options {
 public:
  struct Other {};  // null, fractions, arrays, objects
  using Value = std::variant<Other, bool, std::uint64_t, std::int64_t, std::string>;
  using Values = std::map<std::string, Value, std::less<>>;

  Options(Parse& parse, Values values) : parse_(parse), values_(std::move(values)) {}

  std::optional<std::uint64_t> number(std::string_view key, std::uint64_t most);
  std::optional<std::int64_t> signed_number(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::string> text(std::string_view key);
  std::optional<Id> id(std::string_view key);  // not all zero
  std::optional<Id> id_or_zero(std::string_view key);
  std::optional<digest::Digest> sha256(std::string_view key);

  // The same for a key that must be there.
  template <class T>
  T required(std::string_view key, std::optional<T> value) {
    if (!value) fail("lack \"" + std::string(key) + "\"");
    return value.value_or(T{});
  }
  void fail(const std::string& what);

 private:
  const Value* find(std::string_view key) const;

  Parse& parse_;
  Values values_;
};

inline constexpr std::uint64_t kOptionsVersion = 2;
inline constexpr std::size_t kMaxOptions = 16384;  // bytes; a receipt's path is the longest there is
inline constexpr std::uint64_t kMaxPosition = (std::uint64_t{1} << 63) - 1;  // file offsets are signed

}  // namespace dync::wire
