#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>

#include "schema/ledger/reader.h"

namespace dync::admin {

struct StatusCommand {};
struct UploadsCommand {
  ledger::UploadFilter filter;
};
struct ShowCommand {
  std::string id;  // or the beginning of one
};
struct EventsCommand {
  bool follow = false;
  std::uint32_t limit = 0;
};
struct VerifyCommand {
  std::string id;  // or the beginning of one; empty: everything
};
struct AdoptCommand {
  std::optional<ledger::Id> ledger;  // only this one's
};

struct Options {
  std::filesystem::path config;
  bool json = false;
  std::variant<StatusCommand, UploadsCommand, ShowCommand, EventsCommand, VerifyCommand, AdoptCommand>
      command;
};

// The command line; or the exit code, when what was to be said (--help, --version, wrong usage) is said.
std::variant<Options, int> parse_options(int argc, char** argv);

// A time as the ledger writes it ("2026-01-31T09:15:02.123Z"), from RFC 3339 with any offset, or from a date,
// which means its first moment in UTC. Nothing if it is neither.
std::optional<std::string> parse_time(std::string_view text);

}  // namespace dync::admin
