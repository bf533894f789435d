#include <nlohmann/json.hpp>

#include "ops/admin/report.h"

namespace dync::admin::json {
namespace {

using Json = nlohmann::ordered_json;

// One line; bytes that are no UTF-8 (a client's words in a log) become U+FFFD, and DEL and C1 controls, which
// JSON allows as they are and a terminal obeys, are escaped with everything else that is not ASCII.
std::string line_of(const Json& value) {
  return value.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

template <typename Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json object_of(const ledger::Row& row, std::chrono::seconds partial_ttl) {
  const ledger::Upload& upload = row.upload;
  return {{"upload_id", upload.upload_id.hex()},
          {"origin", upload.origin},
          {"filename", upload.filename},
          {"clean_name", upload.clean_name},
          {"destination", upload.destination},
          {"metadata", upload.metadata},
          {"untar", upload.untar},
          {"size_declared", or_null(upload.size_declared)},
          {"bytes_received", upload.bytes_received},
          {"sha256", upload.sha256 ? Json(digest::to_hex(*upload.sha256)) : Json(nullptr)},
          {"state", std::string(text_of(upload.state))},
          {"error_code", or_null(upload.error_code)},
          {"error", or_null(upload.error)},
          {"created_at", upload.created_at},
          {"updated_at", upload.updated_at},
          {"finished_at", or_null(upload.finished_at)},
          {"waits_seconds", or_null(row.session.parked_seconds)},
          {"expires_in_seconds", or_null(expires_in(row, partial_ttl))},
          {"durable_bytes",
           upload.state == ledger::State::receiving ? Json(row.session.durable_bytes) : Json(nullptr)}};
}

Json object_of(const ledger::Event& event) {
  // What we wrote ourselves as JSON is given as JSON.
  Json detail = Json::parse(event.detail, nullptr, false);
  if (detail.is_discarded()) detail = event.detail;
  return {
      {"seq", event.seq},     {"upload_id", event.upload_id ? Json(event.upload_id->hex()) : Json(nullptr)},
      {"at", event.at},       {"process", event.process},
      {"event", event.event}, {"detail", detail}};
}

Json object_of(const ledger::Member& member) {
  return {{"path", member.path}, {"size", member.size}, {"sha256", digest::to_hex(member.sha256)}};
}

template <typename Rows>
Json array_of(const Rows& rows) {
  Json array = Json::array();
  for (const auto& row : rows) array.push_back(object_of(row));
  return array;
}

Json server_of(const Status& status) {
  if (!status.running_problem.empty()) return {{"running", nullptr}, {"problem", status.running_problem}};
  if (!status.running) return {{"running", false}};
  const auto& running = *status.running;
  return {{"running", true},
          {"pid", running.pid},
          {"address", running.address.empty() ? Json(nullptr) : Json(running.address)},
          {"runtime_dir", running.runtime_dir.empty() ? Json(nullptr) : Json(running.runtime_dir)},
          {"started_at", running.started_at.empty() ? Json(nullptr) : Json(running.started_at)}};
}

}  // namespace

std::string status(const Status& status) {
  Json states = Json::object();
  for (const ledger::State state : ledger::kStates) {
    const auto found = status.states.find(state);
    const Totals totals = found == status.states.end() ? Totals{} : found->second;
    states[std::string(text_of(state))] = {{"uploads", totals.uploads}, {"bytes", totals.bytes}};
  }
  return line_of({{"server", server_of(status)},
                  {"ledger", status.ledger},
                  {"states", states},
                  {"last_event", status.last ? object_of(*status.last) : Json(nullptr)}});
}

std::string uploads(const std::vector<ledger::Row>& rows, std::chrono::seconds partial_ttl) {
  Json array = Json::array();
  for (const ledger::Row& row : rows) array.push_back(object_of(row, partial_ttl));
  return line_of(array);
}

std::string shown(const Shown& shown) {
  Json object = object_of(shown.row, shown.partial_ttl);
  object["events"] = array_of(shown.events);
  object["members"] = array_of(shown.members);
  return line_of(object);
}

std::string events(const std::vector<ledger::Event>& events) {
  return line_of(array_of(events));
}

std::string verified(const Verified& verified) {
  Json differences = Json::array();
  for (const Difference& one : verified.differences)
    differences.push_back({{"path", one.path.native()},
                           {"upload_id", one.upload_id ? Json(one.upload_id->hex()) : Json(nullptr)},
                           {"problem", one.problem}});
  Json set_aside = Json::array();
  for (const SetAside& one : verified.set_aside)
    set_aside.push_back({{"path", one.path.native()}, {"bytes", one.bytes}});
  return line_of({{"differences", differences},
                  {"set_aside", set_aside},
                  {"there", verified.there},
                  {"taken", verified.taken},
                  {"under_way", verified.under_way}});
}

std::string adopted(const std::vector<Adopted>& adopted) {
  Json all = Json::array();
  for (const Adopted& one : adopted)
    all.push_back({{"path", one.path.native()}, {"ledger", one.from.hex()}, {"bytes", one.bytes}});
  return line_of({{"adopted", all}});
}

std::string event(const ledger::Event& event) {
  return line_of(object_of(event));
}

}  // namespace dync::admin::json
