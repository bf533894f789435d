#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "schema/ledger/reader.h"
#include "schema/run_file/run_file.h"

// What the commands print, as text for people and as JSON for programs. Pure.
namespace dync::admin {

struct Totals {
  std::uint64_t uploads = 0;
  std::uint64_t bytes = 0;  // received
};

struct Status {
  std::optional<run_file::Running> running;
  std::string running_problem;             // the run file can't be read: whether a server runs is not known
  std::string ledger;                      // path
  std::map<ledger::State, Totals> states;  // states without uploads are absent
  std::optional<ledger::Event> last;
};

struct Shown {
  ledger::Row row;
  std::vector<ledger::Event> events;
  std::vector<ledger::Member> members;
};

namespace text {
std::string status(const Status& status);
std::string uploads(const std::vector<ledger::Row>& rows);
std::string shown(const Shown& shown);
std::string event(const ledger::Event& event);  // one line
}  // namespace text

// Each is one JSON value on one line; names and values are the ledger's columns.
namespace json {
std::string status(const Status& status);
std::string uploads(const std::vector<ledger::Row>& rows);
std::string shown(const Shown& shown);
std::string events(const std::vector<ledger::Event>& events);
std::string event(const ledger::Event& event);
}  // namespace json

}  // namespace dync::admin
