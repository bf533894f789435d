#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Inside rules only.
namespace dync::rules {

inline constexpr std::size_t kMostPointer = 300;  // bytes of a pointer in a sentence

// Where a value stands in a JSON document: a chain up to the root, which costs nothing until somebody asks
// for it. A place must not outlive the one that it was made from, nor the key.
class Place {
 public:
  Place() = default;  // the root
  Place member(std::string_view key) const { return {this, key, 0, true}; }
  Place item(std::size_t index) const { return {this, {}, index, false}; }

  bool is_root() const noexcept { return above_ == nullptr; }
  // A JSON pointer (RFC 6901): "/a~1b/0"; empty for the root.
  std::string pointer() const;

 private:
  Place(const Place* above, std::string_view key, std::size_t index, bool is_member)
      : above_(above), key_(key), index_(index), is_member_(is_member) {}

  const Place* above_ = nullptr;
  std::string_view key_;
  std::size_t index_ = 0;
  bool is_member_ = false;
};

}  // namespace dync::rules
