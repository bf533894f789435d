#pragma once

#include <filesystem>
#include <string>
#include <variant>

namespace dync::keygen {

enum class Role { client, server };

struct Make {
  Role role = Role::client;
  std::string user_id;  // may be empty for a server
  std::filesystem::path directory;
};

struct Fingerprint {
  std::filesystem::path file;
};

// The program ends at once: help, version (code 0, for standard output) or a usage error (code 2).
struct EarlyExit {
  int code;
  std::string text;
};

// Who runs this, for what is not on the command line. Empty if not known.
struct Person {
  std::string login;
  std::filesystem::path home;
};
Person this_person();

std::variant<Make, Fingerprint, EarlyExit> parse_options(int argc, const char* const* argv,
                                                         const Person& person);

}  // namespace dync::keygen
