#include "client/receipts.h"

#include <nlohmann/json.hpp>

#include "proto/posix/file.h"

namespace dync::client {

namespace {

// GNU's escaping (coreutils, src/digest.c).
std::string escaped(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c == '\\') {
      text += "\\\\";
    } else if (c == '\n') {
      text += "\\n";
    } else if (c == '\r') {
      text += "\\r";
    } else {
      text += c;
    }
  }
  return text;
}

nlohmann::ordered_json or_null(const std::string& text) {
  return text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(text);
}

}  // namespace

std::string checksum_line(const ReceiptLine& receipt) {
  const std::string name = receipt.checkable ? receipt.file : receipt.name;
  const std::string safe = escaped(name);
  const std::string start = !receipt.checkable ? "# " : safe == name ? "" : "\\";
  return start + receipt.sha256 + "  " + safe + "\n";
}

std::string json_line(const ReceiptLine& receipt) {
  nlohmann::ordered_json object;
  object["file"] = receipt.file;
  object["name"] = receipt.name;
  object["stored"] = receipt.error.empty();
  object["upload_id"] = or_null(receipt.upload_id);
  object["size"] = receipt.size;
  object["sha256"] = or_null(receipt.sha256);
  object["destination"] = or_null(receipt.destination);
  object["committed_at"] = or_null(receipt.committed_at);
  object["seconds"] = static_cast<double>(static_cast<std::int64_t>(receipt.seconds * 1000)) / 1000;
  object["attempts"] = receipt.attempts;
  object["error"] = or_null(receipt.error);
  object["code"] = receipt.code == 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(receipt.code);
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

void write_out(int fd, std::string_view text) {
  posix::write_all(fd, text);
}

}  // namespace dync::client
