#include "ops/admin/report.h"
#include "ops/admin/text.h"

namespace dync::admin::text {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Align = Table::Align;

std::string exact_size(std::uint64_t bytes) {
  const std::string human = human_size(bytes);
  return bytes < 1000 ? human : human + " (" + std::to_string(bytes) + " bytes)";
}

void add_running(Pairs& lines, const Status& status) {
  if (!status.running_problem.empty()) {
    lines.emplace_back("server", "not known: " + printable(status.running_problem));
    return;
  }
  if (!status.running) {
    lines.emplace_back("server", "not running");
    return;
  }
  const auto& running = *status.running;
  const bool starting = running.address.empty();
  lines.emplace_back("server", (starting ? "starting, pid " : "running, pid ") + std::to_string(running.pid));
  if (starting) return;
  lines.emplace_back("address", printable(running.address));
  lines.emplace_back("since", printable(running.started_at));
}

std::string state_and_error(const ledger::Upload& upload) {
  std::string text(text_of(upload.state));
  if (upload.error_code) text += " " + std::to_string(*upload.error_code);
  if (upload.error) text += ": " + printable(*upload.error);
  return text;
}

std::string hex_of(const std::optional<ledger::Digest>& digest) {
  return digest ? digest::to_hex(*digest) : "-";
}

// The ledger was told of it when the session ended, and about once a minute since.
std::string waits_of(const ledger::Row& row, std::chrono::seconds partial_ttl) {
  const auto left = expires_in(row, partial_ttl);
  if (!left) return "-";
  return std::string(row.session.kept ? "for the operator" : "for its client") + " since " +
         row.upload.updated_at + ", " + std::to_string(*row.session.parked_seconds) +
         " s while the server ran; expires after " + human_time(*left) + " more";
}

Pairs pairs_of(const ledger::Row& row, std::chrono::seconds partial_ttl) {
  const ledger::Upload& upload = row.upload;
  return {{"upload_id", upload.upload_id.hex()},
          {"origin", printable(upload.origin)},
          {"filename", printable(upload.filename)},
          {"destination", printable(upload.destination)},
          {"metadata", printable(upload.metadata)},
          {"untar", upload.untar ? "yes" : "no"},
          {"size_declared", upload.size_declared ? exact_size(*upload.size_declared) : "-"},
          {"bytes_received", exact_size(upload.bytes_received)},
          {"sha256", hex_of(upload.sha256)},
          {"state", state_and_error(upload)},
          {"waits", waits_of(row, partial_ttl)},
          {"durable", upload.state == ledger::State::receiving ? exact_size(row.session.durable_bytes) : "-"},
          {"created_at", upload.created_at},
          {"updated_at", upload.updated_at},
          {"finished_at", upload.finished_at.value_or("-")}};
}

}  // namespace

std::string status(const Status& status) {
  Pairs lines;
  add_running(lines, status);
  lines.emplace_back("ledger", printable(status.ledger));
  std::string text = pairs(lines) + "\n";
  Table table({"STATE", "UPLOADS", "BYTES"}, {Align::left, Align::right, Align::right});
  for (const auto& [state, totals] : status.states)
    table.add({std::string(text_of(state)), std::to_string(totals.uploads), human_size(totals.bytes)});
  text += table.empty() ? "no uploads yet\n" : table.text();
  if (status.last) text += "\nlast event:\n" + event(*status.last) + "\n";
  return text;
}

std::string uploads(const std::vector<ledger::Row>& rows, std::chrono::seconds partial_ttl) {
  Table table({"UPLOAD", "CREATED", "ORIGIN", "BYTES", "STATE", "FILENAME"},
              {Align::left, Align::left, Align::left, Align::right, Align::left, Align::left});
  for (const ledger::Row& row : rows) {
    const ledger::Upload& upload = row.upload;
    std::string state(text_of(upload.state));
    if (const auto left = expires_in(row, partial_ttl)) state += " (waits, " + human_time(*left) + " left)";
    if (upload.error_code) state += " " + std::to_string(*upload.error_code);
    table.add({upload.upload_id.hex(), upload.created_at, printable(upload.origin),
               human_size(upload.bytes_received), state, printable(upload.filename)});
  }
  return table.empty() ? "no such uploads\n" : table.text();
}

std::string event(const ledger::Event& event) {
  std::string line = event.at + "  " + printable(event.process) + "  " + printable(event.event);
  if (event.upload_id) line += "  upload=" + event.upload_id->hex();
  if (!event.detail.empty() && event.detail != "{}") line += "  " + printable(event.detail);
  return line;
}

std::string verified(const Verified& verified) {
  std::string text;
  for (const Difference& one : verified.differences)
    text += printable(one.path.native() + ": " + one.problem) + "\n";
  for (const SetAside& one : verified.set_aside)
    text += printable(one.path.native()) + " (" + human_size(one.bytes) +
            ") was set aside: no upload in the ledger\n";
  if (!verified.differences.empty()) return text;
  return text + "ledger and disk agree: " + std::to_string(verified.there) +
         " uploads are in their dropboxes, " + std::to_string(verified.taken) + " were taken by consumers, " +
         std::to_string(verified.under_way) + " are under way\n";
}

std::string adopted(const std::vector<Adopted>& adopted) {
  std::string text;
  for (const Adopted& one : adopted)
    text += printable(one.path.native()) + " (" + human_size(one.bytes) + ") was of the ledger " +
            one.from.hex() + "\n";
  if (adopted.empty()) return "no upload of another ledger is staged that the server does not leave alone\n";
  return text + std::to_string(adopted.size()) +
         " staged uploads are of this ledger now; start dync-server, which sets those aside that it does not "
         "know\n";
}

std::string shown(const Shown& shown) {
  std::string text = pairs(pairs_of(shown.row, shown.partial_ttl));
  if (!shown.members.empty()) {
    Table members({"MEMBER", "BYTES", "SHA256"}, {Align::left, Align::right, Align::left});
    for (const auto& member : shown.members)
      members.add({printable(member.path), std::to_string(member.size), digest::to_hex(member.sha256)});
    text += "\n" + members.text();
  }
  Table events({"AT", "PROCESS", "EVENT", "DETAIL"});
  for (const auto& event : shown.events)
    events.add({event.at, printable(event.process), printable(event.event),
                event.detail == "{}" ? "" : printable(event.detail)});
  return text + "\n" + events.text();
}

}  // namespace dync::admin::text
