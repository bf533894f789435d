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
  wire::Id key;  // of ours

  std::span<const std::byte> part(std::uint64_t seek, std::uint64_t bytes) const {
    return {base + seek, static_cast<std::size_t>(bytes)};
  }
};

// One run of a client program: sends its files one after the other.
class ClientModel : public Ear {
 public:
  enum class End {
    none,    // still at it
    stored,  // all of them
    known,   // the server says that the next one is stored already; a run before this one sent it
    again,   // not this time: it was never approved, another run has the upload, its name is taken
    failed,  // of what no client may meet
  };
  virtual void start() = 0;
  virtual End end() const = 0;
  virtual std::string complaint() const = 0;
  // How many files were stored, from the first on.
  virtual std::size_t stored() const = 0;
  virtual Link& link() = 0;
};

}  // namespace dync::pair
