#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
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

// limits.partial_ttl less what the upload has waited, in seconds; nothing if it waits for nobody.
std::optional<std::uint64_t> expires_in(const ledger::Row& row, std::chrono::seconds partial_ttl);

struct Shown {
  ledger::Row row;
  std::chrono::seconds partial_ttl{0};
  std::vector<ledger::Event> events;
  std::vector<ledger::Member> members;
};

// One way in which ledger and disk disagree.
struct Difference {
  std::filesystem::path path;           // what it is about
  std::optional<ledger::Id> upload_id;  // whose it is, if that is known
  std::string problem;                  // "is missing": what the path's sentence says
};

// A staging directory without a row, which the server has set aside.
struct SetAside {
  std::filesystem::path path;
  std::uint64_t bytes = 0;  // of its data
};

struct Verified {
  std::vector<Difference> differences;  // by path
  std::vector<SetAside> set_aside;
  std::uint64_t there = 0;      // uploads whose item is in its dropbox
  std::uint64_t taken = 0;      // uploads whose item a consumer has taken away
  std::uint64_t under_way = 0;  // live uploads
};

// A staging directory that was another ledger's.
struct Adopted {
  std::filesystem::path path;
  ledger::Id from;          // that ledger
  std::uint64_t bytes = 0;  // of its data
};

namespace text {
std::string status(const Status& status);
std::string uploads(const std::vector<ledger::Row>& rows, std::chrono::seconds partial_ttl);
std::string shown(const Shown& shown);
std::string event(const ledger::Event& event);  // one line
std::string verified(const Verified& verified);
std::string adopted(const std::vector<Adopted>& adopted);
}  // namespace text

// Each is one JSON value on one line; names and values are the ledger's columns.
namespace json {
std::string status(const Status& status);
std::string uploads(const std::vector<ledger::Row>& rows, std::chrono::seconds partial_ttl);
std::string shown(const Shown& shown);
std::string events(const std::vector<ledger::Event>& events);
std::string event(const ledger::Event& event);
std::string verified(const Verified& verified);
std::string adopted(const std::vector<Adopted>& adopted);
}  // namespace json

}  // namespace dync::admin
