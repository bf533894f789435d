#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "proto/digest/sha256.h"
#include "proto/wire/id.h"
#include "proto/wire/messages.h"

// Inside proto/ipc only: how one field is written and read. Writer and Reader take the same field lists
// (proto/ipc/fields.h), so that both directions cannot drift apart.
//   integers, enums  big-endian of their own width     bool, has-value  one byte, 0 or 1
//   text             u32 length, bytes                 Id, digest       their bytes
//   optional         has-value, then the value if any  struct           its fields in order
namespace dync::ipc {

template <class T>
concept Word = (std::unsigned_integral<T> && !std::same_as<T, bool>) || std::signed_integral<T>;

class Writer {
 public:
  template <class... Fields>
  void operator()(const Fields&... all) {
    (put(all), ...);
  }
  void raw(std::string_view bytes) { out_ += bytes; }
  std::string take() { return std::move(out_); }

 private:
  template <Word T>
  void put(T value) {
    const auto bits = static_cast<std::make_unsigned_t<T>>(value);
    for (std::size_t shift = 8 * sizeof(T); shift > 0; shift -= 8) {
      out_.push_back(static_cast<char>((bits >> (shift - 8)) & 0xff));
    }
  }
  void put(bool value) { out_.push_back(value ? '\1' : '\0'); }
  void put(wire::Code code) { put(static_cast<std::uint32_t>(code)); }
  void put(const std::string& text) {
    if (text.size() > std::numeric_limits<std::uint32_t>::max()) {
      throw std::length_error("a text is too long for an ipc message");
    }
    put(static_cast<std::uint32_t>(text.size()));
    out_ += text;
  }
  template <std::size_t N>
  void put(const std::array<std::byte, N>& bytes) {
    for (const std::byte byte : bytes) out_.push_back(static_cast<char>(byte));
  }
  template <Word T, std::size_t N>
  void put(const std::array<T, N>& words) {
    for (const T word : words) put(word);
  }
  void put(const wire::Id& id) { put(id.bytes()); }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class T>
  requires std::is_aggregate_v<T>
  void put(const T& value) { fields(*this, value); }

  std::string out_;
};

// Once something did not fit, every further field stays as it is and `complete` is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class... Fields>
  void operator()(Fields&... all) {
    (get(all), ...);
  }
  // All read, nothing left over.
  bool complete() const noexcept { return ok_ && rest_.empty(); }

 private:
  std::string_view cut(std::size_t bytes) {
    if (!ok_ || rest_.size() < bytes) {
      ok_ = false;
      return {};
    }
    const std::string_view piece = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return piece;
  }
  template <Word T>
  void get(T& value) {
    std::make_unsigned_t<T> bits = 0;
    const std::string_view piece = cut(sizeof(T));
    if (!ok_) return;
    for (const char c : piece) {
      bits = static_cast<std::make_unsigned_t<T>>((std::uint64_t{bits} << 8) | static_cast<unsigned char>(c));
    }
    value = static_cast<T>(bits);
  }
  void get(bool& value) {
    std::uint8_t byte = 0;
    get(byte);
    ok_ = ok_ && byte <= 1;
    value = byte == 1;
  }
  void get(wire::Code& code) {
    std::uint32_t number = 0;
    get(number);
    code = static_cast<wire::Code>(number);
  }
  void get(std::string& text) {
    std::uint32_t length = 0;
    get(length);
    text = cut(length);
  }
  template <std::size_t N>
  void get(std::array<std::byte, N>& bytes) {
    const std::string_view piece = cut(N);
    for (std::size_t i = 0; i < piece.size(); ++i) bytes[i] = static_cast<std::byte>(piece[i]);
  }
  template <Word T, std::size_t N>
  void get(std::array<T, N>& words) {
    for (T& word : words) get(word);
  }
  void get(wire::Id& id) {
    std::array<std::byte, wire::Id::kBytes> bytes{};
    get(bytes);
    id = wire::Id(bytes);
  }
  template <class T>
  void get(std::optional<T>& value) {
    bool present = false;
    get(present);
    if (present && ok_) get(value.emplace());
  }
  template <class T>
  requires std::is_aggregate_v<T>
  void get(T& value) { fields(*this, value); }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace dync::ipc
