#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/options.h"
#include "proto/digest/sha256.h"
#include "proto/wire/id.h"

// What a state file says, as text: one line of JSON, then a line `OFFSET MIDSTATE` for each part that was
// hashed, in ascending order, and a line `approved` between them if the upload replaces another. Lines are
// only ever appended, so the last one may be torn. Pure.
namespace dync::client {

// Which content a path had: another size, time or inode is another file.
struct FileIdentity {
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

// Which upload of this user it is: what is sent from where to where.
struct Errand {
  ServerAddress server;
  std::string path;  // absolute, without symlinks
  std::string name;  // on the server
};
// 64 hex digits: the name of its state file.
std::string digest_of(const Errand& errand);

struct Memory {
  wire::Id key;
  std::optional<wire::Id> replaces;  // an upload that this one puts an end to
  bool approved = false;             // the server has put the end to it
  FileIdentity file;
  std::vector<digest::Midstate> midstates;
  std::size_t whole = 0;  // bytes of the text that are right; what follows is torn
};

inline constexpr std::string_view kApprovedLine = "approved\n";

std::string first_line(const Errand& errand, const Memory& memory);
std::string midstate_line(const digest::Midstate& midstate);
// Nothing if it is no state of this errand.
std::optional<Memory> parse_state(std::string_view text, const Errand& errand);

}  // namespace dync::client
