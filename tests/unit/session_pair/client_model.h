#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "proto/digest/sha256.h"
#include "tests/unit/session_pair/network.h"

namespace dync::pair {

// What a client has to send: a range of addresses that nobody reads.
struct File {
  std::string name;
  const std::byte* base = nullptr;
  std::uint64_t size = 0;
  digest::Digest sha256{};

  std::span<const std::byte> part(std::uint64_t seek, std::uint64_t bytes) const {
    return {base + seek, static_cast<std::size_t>(bytes)};
  }
};

// A person's side: has files, and sends them one after the other.
class ClientModel : public Ear {
 public:
  virtual void start() = 0;
  // All files are stored, or it can't be done.
  virtual bool over() const = 0;
  // Why not all are stored, of what no client may meet. Empty else.
  virtual std::string complaint() const = 0;
  // How many files were stored, from the first on.
  virtual std::size_t stored() const = 0;
};

}  // namespace dync::pair
